// An ordered list of which the first few that still count are looked at (TREE-25): what counts no more is left where it is until it comes up, so that
// neither asking nor changing costs more for 10,000 than for ten.

/** So many are compared for one choice. */
export const candidatesMax = 16;

export interface Candidates<Item> {
  /** At the end; one that is in it already stays where it is. */
  add(item: Item): void;
  /** The first that count, at most {@link candidatesMax}. */
  first(): readonly Item[];
}

/** `counts` may turn false at any time; one that counts again must be added again. */
export function createCandidates<Item>(counts: (item: Item) => boolean): Candidates<Item> {
  let queue: Item[] = [];
  let head = 0;
  let front: Item[] = [];
  const listed = new Set<Item>();

  return {
    add(item) {
      if (listed.has(item)) return;
      listed.add(item);
      queue.push(item);
    },

    first() {
      const kept: Item[] = [];
      for (const item of front) {
        if (counts(item)) kept.push(item);
        else listed.delete(item);
      }
      while (kept.length < candidatesMax && head < queue.length) {
        const item = queue[head++] as Item;
        if (counts(item)) kept.push(item);
        else listed.delete(item);
      }
      if (head > 1024 && head * 2 > queue.length) {
        queue = queue.slice(head);
        head = 0;
      }
      front = kept;
      return front;
    },
  };
}
