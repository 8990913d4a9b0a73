// A note, durable before the live link moves and gone when all hooks after it have succeeded: a restarted agent finishes what it names.
// It also remembers a decision whose tree was unhealthy here and was left again, so that nobody switches to it a second time.

import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { failpoint } from '../../faults/failpoint.ts';
import type { Release } from '../../model/release.ts';
import type { WireError } from '../../model/treecast-error.ts';
import { writeFileAtomic } from '../../net/atomic-file.ts';
import { releaseSchema, wireErrorSchema } from '../../net/link/field-schemas.ts';
import { readIfThere } from '../../net/read-if-there.ts';

export interface PendingSwitch {
  readonly release: Release;
  /** Why this node left the release's tree again; null while hooks behind the switch are owed. */
  readonly refused: WireError | null;
  /** Whether the hooks of the way back have succeeded. */
  readonly isBack: boolean;
}

export interface PendingSwitchFile {
  /** Null when there is none; one that cannot be understood counts as none. */
  read(): Promise<PendingSwitch | null>;
  write(pending: PendingSwitch): Promise<void>;
  clear(): Promise<void>;
}

const schema = z.strictObject({
  version: z.literal(1),
  release: releaseSchema,
  refused: wireErrorSchema.nullable(),
  isBack: z.boolean().default(false),
});

export function openPendingSwitch(path: string): PendingSwitchFile {
  /** Most sites have no plugins: no file, no call. */
  let mayExist = true;
  return {
    async read() {
      const text = await readIfThere(path);
      mayExist = text !== undefined;
      if (text === undefined) return null;
      try {
        const { version: _, ...noted } = schema.parse(JSON.parse(text));
        return noted;
      } catch {
        return null;
      }
    },
    async write(noted) {
      mayExist = true;
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writeFileAtomic(path, JSON.stringify({ version: 1, ...noted }), 0o600);
      failpoint('agent.pending.noted');
    },
    async clear() {
      if (!mayExist) return;
      await rm(path, { force: true });
      failpoint('agent.pending.cleared');
      mayExist = false;
    },
  };
}
