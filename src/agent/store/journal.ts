// state.json: reads it strictly, replaces it atomically and durably, on a full disk by the room that is kept for it where the caller
// says so. Holds the state in force; decides nothing about it.

import { z } from 'zod';
import { failpoint } from '../../faults/failpoint.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { diskTroubleOf } from '../../net/disk-trouble.ts';
import type { Disk } from './disk.ts';
import type { Layout } from './layout.ts';
import { slotNamePattern } from './layout.ts';
import { createAnew, openOwn } from './own-file.ts';
import type { Reserve } from './reserve.ts';
import type { State } from './state.ts';

const count = z.int().min(0);
const objectId = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/);
const release = z.strictObject({ epoch: count, sequence: count });
const heldTree = z.strictObject({ release, tree: objectId });
const hash = z.string().regex(/^[0-9a-f]{64}$/);
const directory = z.string().regex(slotNamePattern);
const lag = z.strictObject({
  all: z.boolean(),
  assignments: z.array(hash),
  paths: z.array(z.string().min(1)),
});
const slot = z.strictObject({
  slot: count,
  directory,
  formerDirectory: directory.nullable(),
  served: z.boolean(),
  held: heldTree.nullable(),
  lag,
  // Journals of earlier versions have none.
  commands: hash.nullable().default(null),
});
const decision = z.strictObject({
  version: z.literal(1),
  site: z.string(),
  release,
  kind: z.enum(['commit', 'rollback']),
  fromTree: objectId.nullable(),
  toTree: objectId,
  decidedAt: count,
  signature: z.string(),
});
const schema = z
  .strictObject({
    version: z.literal(1),
    site: z.string(),
    slots: z.array(slot).max(16),
    live: count.nullable(),
    backup: count.nullable(),
    staging: z.strictObject({ slot: count, release, targetTree: objectId, complete: z.boolean() }).nullable(),
    lastDecision: decision.nullable(),
    executed: z.boolean(),
    twins: z.boolean().default(false),
    nextNumber: count,
  })
  .refine((state) => new Set(state.slots.map(({ slot }) => slot)).size === state.slots.length, {
    error: 'two slots have the same number',
  })
  .refine(
    ({ slots, live, backup, staging }) =>
      [live, backup, staging?.slot ?? null].every(
        (number) => number === null || slots.some(({ slot }) => slot === number),
      ),
    { error: 'a role names a slot that is not listed' },
  );

export interface Journal {
  /** The state in force; may be ahead of the disk where losing it is harmless (STG-8). */
  state(): State;
  /** The state known to be on disk; null when a write of it failed half-way. */
  durable(): State | null;
  /** Puts a state in force without writing it: only for what a crash may forget. */
  assume(state: State): void;
  /** Durable when it resolves. */
  save(state: State, room?: Room): Promise<void>;
  /** Writes the state in force once more when its sync had failed. */
  settle(): Promise<void>;
  /**
   * Writes the state beside the journal; it comes into force by `commit()`, whose `beside` runs just before the rename, so that its
   * rename in the site directory shares the sync. Lets the data's own syncs run meanwhile.
   */
  prepare(state: State, room?: Room): Promise<{ commit(beside?: () => void): Promise<void> }>;
  /** Makes sure that there is room for the next journal that must not fail. Throws when the disk is full. */
  keepRoom(): void;
  hasRoom(): boolean;
}

/** `kept`: may use the room that is kept, because going on frees more than it takes or must not fail (STG-27). */
export type Room = 'free' | 'kept';

export interface JournalStart {
  readonly state: State;
  /** Whether what was read is known to be durable. */
  readonly isDurable: boolean;
  readonly reserve: Reserve;
}

export function createJournal(
  disk: Disk,
  layout: Layout,
  siteHandle: number,
  { state: initial, isDurable, reserve }: JournalStart,
): Journal {
  const temporary = `${layout.journal}.tmp`;
  let current = initial;
  let written: State | null = isDurable ? initial : null;
  let length = textOf(initial).length;

  async function writeTo(fd: number, text: Buffer, isLonger = false): Promise<void> {
    try {
      disk.write(fd, text, 0);
      if (isLonger) disk.truncate(fd, text.length);
      await disk.syncData(fd);
    } finally {
      disk.close(fd);
    }
    failpoint('agent.journal.written');
  }

  /** The file that holds the text now, durably. */
  async function place(text: Buffer, room: Room): Promise<string> {
    try {
      await writeTo(createAnew(disk, temporary), text);
      return temporary;
    } catch (error) {
      // What there is of it takes room.
      if (disk.lstat(temporary)) disk.unlink(temporary);
      const spare = room === 'kept' ? reserve.journalFile(text.length) : undefined;
      if (spare === undefined || diskTroubleOf(error)?.kind !== 'full') throw error;
      reserve.journalTaken();
      const fd = openOwn(disk, spare);
      if (fd === undefined) throw error;
      await writeTo(fd, text, true);
      return spare;
    }
  }

  const prepare: Journal['prepare'] = async (state, room = 'free') => {
    const text = textOf(state);
    const file = await place(text, room);
    return {
      async commit(beside) {
        beside?.();
        written = null;
        disk.rename(file, layout.journal);
        failpoint('agent.journal.renamed');
        current = state;
        length = text.length;
        await disk.sync(siteHandle);
        failpoint('agent.journal.synced');
        written = state;
      },
    };
  };

  async function save(state: State, room?: Room): Promise<void> {
    const prepared = await prepare(state, room);
    await prepared.commit();
  }

  return {
    state: () => current,
    durable: () => written,
    assume(state) {
      current = state;
    },
    prepare,
    save,
    async settle() {
      if (written === null) await save(current, 'kept');
    },
    keepRoom: () => reserve.keep(length),
    hasRoom: () => reserve.isKept(length),
  };
}

function textOf(state: State): Buffer {
  return Buffer.from(`${JSON.stringify(state)}\n`);
}

/** The state on disk; undefined when there is none. Throws STATE_CORRUPT when it cannot be understood. */
export function parseJournal(text: string, site: string): State {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw corrupt('it is no JSON', cause);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      (issue) => `${issue.path.join('.') || '(top)'}: ${issue.message}`,
    );
    throw corrupt(problems.join('; '));
  }
  if (parsed.data.site !== site) throw corrupt(`it belongs to site ${JSON.stringify(parsed.data.site)}`);
  return parsed.data;
}

function corrupt(why: string, cause?: unknown): TreecastError {
  return new TreecastError('STATE_CORRUPT', `state.json cannot be read: ${why}`, {
    cause,
    fix: 'Nothing to do: it is rebuilt from the live tree, and the CCM sends what is missing.',
  });
}
