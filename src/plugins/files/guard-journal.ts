// What guarded files remember over a crash: which file is being replaced, by what, and what to put back. One small file for each
// destination; it is there from before the replacement until what follows it has succeeded or was undone.

import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../net/atomic-file.ts';
import { PluginError } from '../api/plugin-error.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const mode = z.int().min(0).max(0o7777);
const id = z.int().min(0);

const entrySchema = z.strictObject({
  version: z.literal(1),
  site: z.string(),
  to: z.string(),
  next: z.strictObject({ sha256, mode }),
  /** Null: there was no file. */
  former: z.strictObject({ sha256, mode, uid: id, gid: id }).nullable(),
  phase: z.enum(['replacing', 'restoring']),
  /** What the plugin does after a replacement. */
  activation: z.unknown(),
});

export type GuardEntry = z.output<typeof entrySchema>;

export interface GuardJournal {
  /** In the order of their destinations. */
  list(): Promise<GuardEntry[]>;
  /** Durable when it resolves. */
  write(entry: GuardEntry): Promise<void>;
  remove(to: string): Promise<void>;
}

export function createGuardJournal(directory: string): GuardJournal {
  const fileOf = (to: string): string =>
    join(directory, `${createHash('sha256').update(to).digest('hex')}.json`);
  return {
    async list() {
      const names = await readdir(directory).catch(() => []);
      const entries: GuardEntry[] = [];
      for (const name of names) {
        if (name.endsWith('.json')) entries.push(await readEntry(join(directory, name)));
      }
      return entries.toSorted((a, b) => (a.to < b.to ? -1 : 1));
    },
    async write(entry) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await writeFileAtomic(fileOf(entry.to), `${JSON.stringify(entry)}\n`, 0o600);
    },
    remove: (to) => rm(fileOf(to), { force: true }),
  };
}

async function readEntry(path: string): Promise<GuardEntry> {
  try {
    return entrySchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    throw new PluginError(`${path} is damaged`, {
      cause,
      fix: 'See which file it names, make sure that file is right, then remove this one.',
      retryable: false,
    });
  }
}
