// Keeping and releasing of one tree must not overlap, and the last one asked for holds.

import type { ObjectId } from '../model/tree.ts';

type Asked = 'keep' | 'release';

/** Does the work after what was asked for this tree before; when the same is asked and not done yet, that is the answer. */
export type HiddenRefLane = (tree: ObjectId, what: Asked, work: () => Promise<unknown>) => Promise<void>;

export function createHiddenRefLane(): HiddenRefLane {
  const lanes = new Map<ObjectId, { readonly what: Asked; readonly done: Promise<void> }>();

  return (tree, what, work) => {
    const last = lanes.get(tree);
    if (last?.what === what) return last.done;
    const done = doAfter(last?.done, work);
    lanes.set(tree, { what, done });
    const forget = () => {
      if (lanes.get(tree)?.done === done) lanes.delete(tree);
    };
    done.then(forget, forget);
    return done;
  };
}

async function doAfter(last: Promise<void> | undefined, work: () => Promise<unknown>): Promise<void> {
  if (last !== undefined) await last.catch(() => {});
  await work();
}
