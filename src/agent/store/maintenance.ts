// What a site's store does when nobody asks anything of it, and in which order: what the next stage needs comes first.

import type { ObjectIdLength } from '../../assignment/object-id.ts';
import { failpoint } from '../../faults/failpoint.ts';
import type { ObjectId } from '../../model/tree.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { Piece } from './background.ts';
import { removeTree } from './removal.ts';
import type { SiteContext } from './site-context.ts';
import { runInSlices } from './slices.ts';
import { catchUpSlot, dropSlot, makeTree } from './slots.ts';
import { idleSlots, keptNamed, needsCatchUp, slotOf, treesWanted } from './state.ts';
import { readTree, type TreeReaderOptions } from './tree-reader.ts';
import { createTwinRecorder, recordedTwins } from './twin-reading.ts';

const objectsAtOnce = 200;

/** Gives the next piece of work; undefined when there is none. */
export function createMaintenance(context: SiteContext): () => Piece | undefined {
  const { journal, index, trash, layout, disk, inbox, twins } = context;
  let cleanedFor: unknown;
  let rebuiltFor: ObjectId | undefined;

  function indexPiece(): Piece | undefined {
    const state = journal.state();
    const live = slotOf(state, state.live);
    const tree = live?.held?.tree;
    if (!live || !tree || rebuiltFor === tree) return undefined;
    if (index.directory(tree) && (!state.twins || twins.isKnown(live.slot))) return undefined;
    // Tried once per tree: when the disk holds something else, staging and `verify` say so.
    rebuiltFor = tree;
    return (signal) => rebuildIndex(context, signal).then(() => {});
  }

  function slotPiece(): Piece | undefined {
    const state = journal.state();
    const idle = idleSlots(state);
    if (state.live === null) {
      const useless = idle[0];
      return useless && (() => dropSlot(context, useless.slot));
    }
    const surplus = state.slots.length > treesWanted ? idle.at(-1) : undefined;
    if (surplus) return () => dropSlot(context, surplus.slot);
    const lagging = idle.find(needsCatchUp);
    if (lagging) return (signal) => catchUpSlot(context, lagging.slot, signal);
    if (state.slots.length < treesWanted) return (signal) => makeTree(context, signal);
    return undefined;
  }

  function cleaningPiece(): Piece | undefined {
    const durable = journal.durable();
    if (durable && cleanedFor !== durable) {
      return async () => {
        inbox.clean(keptNamed(durable));
        cleanedFor = durable;
      };
    }
    const name = trash[0];
    if (name !== undefined) {
      return async (signal) => {
        await runInSlices(removeTree(disk, layout.tree(name)), signal);
        failpoint('agent.tree.removed');
        trash.shift();
      };
    }
    const state = journal.state();
    const stranger = state.twins ? twins.strangers(state.slots.map(({ slot }) => slot))[0] : undefined;
    if (stranger !== undefined) return (signal) => runInSlices(twins.clear(stranger), signal);
    if (index.sweepDue()) return (signal) => runInSlices(index.sweep(heldTrees(context)), signal);
    return undefined;
  }

  /** Records of live that were lost come first: catching up copies them. */
  function recordsPiece(): Piece | undefined {
    const { live, twins: hasTwins } = journal.state();
    return hasTwins && live !== null && !twins.isKnown(live) ? indexPiece() : undefined;
  }

  return () => recordsPiece() ?? slotPiece() ?? indexPiece() ?? cleaningPiece();
}

/** Trees whose directory objects must stay. */
function heldTrees({ journal }: SiteContext): ObjectId[] {
  return journal.state().slots.flatMap(({ held }) => (held ? [held.tree] : []));
}

/** Reads live again, every byte, and puts its directory objects into the index. The tree id that is on disk. */
export async function rebuildIndex(context: SiteContext, signal?: AbortSignal): Promise<ObjectId> {
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
