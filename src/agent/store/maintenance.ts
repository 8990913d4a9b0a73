// What a site's store does when nobody asks anything of it, and in which order: what the next stage needs comes first.

import type { ObjectIdLength } from '../../assignment/object-id.ts';
import type { ObjectId } from '../../model/tree.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { Piece } from './background.ts';
import { removeTree } from './removal.ts';
import type { SiteContext } from './site-context.ts';
import { runInSlices } from './slices.ts';
import { catchUpSlot, dropSlot, makeTree } from './slots.ts';
import { idleSlots, keptNamed, needsCatchUp, slotOf, treesWanted } from './state.ts';
import { readTree } from './tree-reader.ts';

const objectsAtOnce = 200;

/** Gives the next piece of work; undefined when there is none. */
export function createMaintenance(context: SiteContext): () => Piece | undefined {
  const { journal, index, trash, layout, disk, inbox } = context;
  let cleanedFor: unknown;
  let rebuiltFor: ObjectId | undefined;

  function indexPiece(): Piece | undefined {
    const state = journal.state();
    const live = slotOf(state, state.live);
    const tree = live?.held?.tree;
    if (!live || !tree || rebuiltFor === tree || index.directory(tree)) return undefined;
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
        trash.shift();
      };
    }
    if (index.sweepDue()) return (signal) => runInSlices(index.sweep(heldTrees(context)), signal);
    return undefined;
  }

  return () => slotPiece() ?? indexPiece() ?? cleaningPiece();
}

/** Trees whose directory objects must stay. */
function heldTrees({ journal }: SiteContext): ObjectId[] {
  return journal.state().slots.flatMap(({ held }) => (held ? [held.tree] : []));
}

/** Reads live again, every byte, and puts its directory objects into the index. The tree id that is on disk. */
export async function rebuildIndex(context: SiteContext, signal?: AbortSignal): Promise<ObjectId> {
  const { disk, journal, layout } = context;
  const live = slotOf(journal.state(), journal.state().live);
  if (!live?.held) throw new TreecastError('BUG', 'nothing is live to read again');
  return readIntoIndex(context.index, {
    disk,
    root: layout.tree(live.directory),
    hexLength: live.held.tree.length as ObjectIdLength,
    signal,
  });
}

export async function readIntoIndex(
  index: SiteContext['index'],
  options: Omit<Parameters<typeof readTree>[0], 'onDirectory'>,
): Promise<ObjectId> {
  const objects: [ObjectId, Uint8Array][] = [];
  const tree = await readTree({
    ...options,
    onDirectory({ id, body }) {
      if (id !== undefined) objects.push([id, body]);
      if (objects.length >= objectsAtOnce) index.put(objects.splice(0));
    },
  });
  index.put(objects);
  return tree;
}
