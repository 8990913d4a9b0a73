// What each target was told of each job, kept over restarts: nobody is told twice, an old phase never follows a later one, and a chat
// message is found again. Bounded; the oldest jobs are forgotten first.

import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type PluginLog, replaceFile, z } from 'treecast/plugin';
import type { MessagePlace } from './notify-target.ts';

const entriesMax = 1000;
const fileBytesMax = 4_194_304;

const entrySchema = z.strictObject({
  target: z.string(),
  site: z.string(),
  job: z.string(),
  phase: z.string(),
  place: z.strictObject({ channel: z.string(), ts: z.string() }).optional(),
});
const fileSchema = z.strictObject({ version: z.literal(1), told: z.array(entrySchema).max(entriesMax) });

export interface Told {
  readonly phase: string;
  readonly place?: MessagePlace | undefined;
}

interface Teller {
  readonly target: string;
  readonly site: string;
  readonly job: string;
}

export interface ToldPhases {
  of(teller: Teller): Told | undefined;
  /** Durable when it resolves. */
  remember(teller: Teller, told: Told): Promise<void>;
}

export async function openToldPhases(stateDirectory: string, log: PluginLog): Promise<ToldPhases> {
  const path = join(stateDirectory, 'told.json');
  /** In order of the last change. */
  const known = new Map<string, z.output<typeof entrySchema>>();
  for (const entry of await read(path, log)) known.set(keyOf(entry), entry);
  let writing: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  /** The whole file, one write after another; who comes while one runs shares the next. */
  const save = (): Promise<void> => {
    next ??= writing
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        const text = `${JSON.stringify({ version: 1, told: [...known.values()] })}\n`;
        writing = replaceFile(path, text, 0o600);
        return writing;
      });
    return next;
  };
  return {
    of: (teller) => known.get(keyOf(teller)),
    async remember({ target, site, job }, { phase, place }) {
      const entry = { target, site, job, phase, ...(place === undefined ? {} : { place }) };
      known.delete(keyOf(entry));
      known.set(keyOf(entry), entry);
      for (const oldest of known.keys()) {
        if (known.size <= entriesMax) break;
        known.delete(oldest);
      }
      await save();
    },
  };
}

function keyOf({ target, site, job }: Teller): string {
  return JSON.stringify([target, site, job]);
}

async function read(path: string, log: PluginLog): Promise<z.output<typeof entrySchema>[]> {
  try {
    if ((await stat(path)).size > fileBytesMax) throw new Error('it is too large');
    return fileSchema.parse(JSON.parse(await readFile(path, 'utf8'))).told;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    log.warn({ path, err: error }, 'what was told before cannot be read: running jobs may be told twice');
    return [];
  }
}
