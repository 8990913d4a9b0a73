// How far the re-reading of a site is and what it found, kept over restarts. Losing it costs a pass, so it is written seldom and no
// failure of it stops anything.

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { z } from 'zod';
import { failpoint } from '../../faults/failpoint.ts';
import { removeLeftovers, writeFileAtomic } from '../../net/atomic-file.ts';
import type { Clock } from '../../net/clock.ts';
import { driftedPathsMax } from './drift-ledger.ts';

const path = z.string().min(1).max(16_384);
const time = z.int().min(0);
const schema = z.strictObject({
  version: z.literal(1),
  /** When the pass began that is under way or was the last one; null: the next one is due. */
  began: time.nullable(),
  /** The last path it looked at (`''` is the tree's own directory); null when none is under way. */
  after: z.string().max(16_384).nullable(),
  /** When a pass last came to its end. */
  passedAt: time.nullable(),
  drifted: z
    .array(
      z.strictObject({
        path,
        problem: z.enum(['content', 'mode', 'owner', 'missing', 'extra', 'type']),
        since: time,
      }),
    )
    .max(driftedPathsMax),
});

export type ScrubState = Omit<z.output<typeof schema>, 'version' | 'drifted'> & {
  readonly drifted: readonly z.output<typeof schema>['drifted'][number][];
};

export interface ScrubRecord {
  /** Once, before anything else. */
  load(): Promise<void>;
  state(): ScrubState;
  /** Written within half a minute, or with {@link flush}. */
  change(change: Partial<ScrubState>): void;
  flush(): Promise<void>;
}

const writeDelayMs = 30_000;
/** All paths as long as they may be, in JSON. */
const bytesMax = 128 * 1024 ** 2;

/** STG-32: somebody may have put a pipe there, or a file without end. */
async function readOwn(path: string): Promise<string> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const stat = await file.stat();
    if (!stat.isFile() || stat.size > bytesMax) throw new Error(`${path} is no record`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

export function createScrubRecord(file: string, clock: Clock): ScrubRecord {
  let state: ScrubState = { began: null, after: null, passedAt: null, drifted: [] };
  let cancelWrite: (() => void) | undefined;
  let writing = Promise.resolve();

  function flush(): Promise<void> {
    if (cancelWrite === undefined) return writing;
    cancelWrite();
    cancelWrite = undefined;
    const text = `${JSON.stringify({ version: 1, ...state })}\n`;
    writing = writing
      .then(async () => {
        await writeFileAtomic(file, text, 0o600);
        failpoint('agent.scrub.recorded');
      })
      .catch(() => undefined);
    return writing;
  }

  return {
    async load() {
      await removeLeftovers(file);
      try {
        const { version: _, ...kept } = schema.parse(JSON.parse(await readOwn(file)));
        state = kept;
      } catch {
        // Missing or damaged: a pass begins.
      }
    },
    state: () => state,
    change(change) {
      state = { ...state, ...change };
      cancelWrite ??= clock.after(writeDelayMs, () => void flush());
    },
    flush,
  };
}
