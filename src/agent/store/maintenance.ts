// What a site's store does when nobody asks anything of it, and in which order: what the next stage needs comes first.

import type { ObjectIdLength } from '../../assignment/object-id.ts';
import { failpoint } from '../../faults/failpoint.ts';
import type { ObjectId } from '../../model/tree.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { runInSlices } from '../../slices/slices.ts';
import type { Piece } from './background.ts';
import { removeTree } from './removal.ts';
import type { SiteContext } from './site-context.ts';
import { catchUpSlot, dropSlot, makeTree } from './slots.ts';
import { idleSlots, keptNamed, needsCatchUp, type Slot, slotOf, treesWanted } from './state.ts';
import { readTree, type TreeReaderOptions } from './tree-reader.ts';
import { createTwinRecorder, recordedTwins } from './twin-reading.ts';

const objectsAtOnce = 200;

/** Gives the next piece of work that is not among those named; undefined when there is none. */
export function createMaintenance(context: SiteContext): (without: ReadonlySet<string>) => Piece | undefined {
  const { journal, index, trash, layout, disk, inbox, twins } = context;
  let cleanedFor: unknown;
  let rebuiltFor: ObjectId | undefined;

  function* indexPieces(): Iterable<Piece> {
    const state = journal.state();
    const live = slotOf(state, state.live);
    const tree = live?.held?.tree;
    if (!live || !tree || rebuiltFor === tree) return;
    if (index.directory(tree) && !lacksRecords(live.slot)) return;
    yield {
      name: 'reading live again',
      run(signal) {
        // Tried once per tree: when the disk holds something else, staging and `verify` say so.
        rebuiltFor = tree;
        return rebuildIndex(context, signal).then(() => {});
      },
    };
  }

  function* slotPieces(): Iterable<Piece> {
    const state = journal.state();
    const idle = idleSlots(state);
    const drop = ({ slot }: Slot): Piece => ({
      name: `dropping slot ${slot}`,
      run: () => dropSlot(context, slot),
    });
    if (state.live === null) {
      yield* idle.map(drop);
      return;
    }
    const surplus = state.slots.length > treesWanted ? idle.at(-1) : undefined;
    if (surplus) yield drop(surplus);
    for (const { slot } of idle.filter(needsCatchUp)) {
      yield { name: `catching up slot ${slot}`, run: (signal) => catchUpSlot(context, slot, signal) };
    }
    if (state.slots.length < treesWanted) {
      yield { name: 'making a tree', run: (signal) => makeTree(context, signal) };
    }
  }

  function* cleaningPieces(): Iterable<Piece> {
    const durable = journal.durable();
    if (durable && cleanedFor !== durable) {
      yield {
        name: 'cleaning the inbox',
        async run() {
          inbox.clean(keptNamed(durable));
          cleanedFor = durable;
        },
      };
    }
    for (const name of trash) {
      yield {
        name: `removing ${name}`,
        async run(signal) {
          await runInSlices(removeTree(disk, layout.tree(name)), signal);
          failpoint('agent.tree.removed');
          trash.splice(trash.indexOf(name), 1);
        },
      };
    }
    yield* recordPieces();
    if (index.sweepDue()) {
      yield {
        name: 'sweeping the index',
        run: (signal) => runInSlices(index.sweep(heldTrees(context)), signal),
      };
    }
  }

  /** Slots that are no more. Records that cannot be read are staging's to complain of; they keep nothing else from being done. */
  function strangers(): readonly number[] {
    const { twins: hasTwins, slots } = journal.state();
    try {
      return hasTwins ? twins.strangers(slots.map(({ slot }) => slot)) : [];
    } catch {
      return [];
    }
  }

  function lacksRecords(live: number): boolean {
    try {
      return journal.state().twins && !twins.isKnown(live);
    } catch {
      return false;
    }
  }

  function* recordPieces(): Iterable<Piece> {
    for (const slot of strangers()) {
      yield {
        name: `forgetting the twins of slot ${slot}`,
        run: (signal) => runInSlices(twins.clear(slot), signal),
      };
    }
  }

  function* pieces(): Iterable<Piece> {
    const { live } = journal.state();
    // Records of live that were lost come first: catching up copies them.
    if (live !== null && lacksRecords(live)) yield* indexPieces();
    yield* slotPieces();
    yield* indexPieces();
    yield* cleaningPieces();
    // Last, because what was before gives room.
    if (journal.state().live !== null && !journal.hasRoom()) {
      yield { name: 'keeping room for a decision', run: async () => journal.keepRoom() };
    }
  }

  return (without) => {
    for (const piece of pieces()) if (!without.has(piece.name)) return piece;
    return undefined;
  };
}

/** Trees whose directory objects must stay. */
function heldTrees({ journal }: SiteContext): ObjectId[] {
  return journal.state().slots.flatMap(({ held }) => (held ? [held.tree] : []));
}

/** Reads live again, every byte, and puts its directory objects into the index. The tree id that is on disk. */
export async function rebuildIndex(
  context: SiteContext,
  signal?: AbortSignal,
  onRead?: () => void,
): Promise<ObjectId> {
  const { disk, journal, layout } = context;
  const state = journal.state();
  const live = slotOf(state, state.live);
  if (!live?.held) throw new TreecastError('BUG', 'nothing is live to read again');
  const recorder = await createTwinRecorder(context, live, signal);
  const tree = await readIntoIndex(
    context.index,
    {
      disk,
      root: layout.tree(live.directory),
      hexLength: live.held.tree.length as ObjectIdLength,
      signal,
      onRead,
      twinsIn: recorder?.twinsIn ?? (state.twins ? recordedTwins(context.twins, live.slot) : undefined),
    },
    recorder?.add,
  );
  if (tree === live.held.tree) recorder?.finish();
  return tree;
}

export async function readIntoIndex(
  index: SiteContext['index'],
  options: Omit<TreeReaderOptions, 'onDirectory'>,
  onDirectory?: TreeReaderOptions['onDirectory'],
): Promise<ObjectId> {
  const objects: [ObjectId, Uint8Array][] = [];
  const tree = await readTree({
    ...options,
    onDirectory(reading) {
      onDirectory?.(reading);
      const { id, body } = reading;
      if (id !== undefined) objects.push([id, body]);
      if (objects.length >= objectsAtOnce) index.put(objects.splice(0));
    },
  });
  index.put(objects);
  return tree;
}
