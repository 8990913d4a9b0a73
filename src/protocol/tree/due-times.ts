// Deadlines of many, in the order in which they fall due. One that holds no more is not taken out: whoever takes it looks whether it still counts.

import type { Instant } from '../machine.ts';

export interface DueTimes<Item> {
  add(at: Instant, item: Item): void;
  /** The earliest; undefined: there is none. */
  next(): Instant | undefined;
  /** Takes one that is due. */
  take(now: Instant): Item | undefined;
}

/** A binary heap. */
export function createDueTimes<Item>(): DueTimes<Item> {
  const heap: { at: Instant; order: number; item: Item }[] = [];
  let order = 0;
  const isBefore = (one: number, other: number): boolean => {
    const [left, right] = [heap[one], heap[other]];
    if (left === undefined || right === undefined) return left !== undefined;
    return left.at < right.at || (left.at === right.at && left.order < right.order);
  };
  const swap = (one: number, other: number): void => {
    const [left, right] = [heap[one], heap[other]];
    if (left === undefined || right === undefined) return;
    heap[one] = right;
    heap[other] = left;
  };

  return {
    add(at, item) {
      heap.push({ at, order: order++, item });
      for (let place = heap.length - 1; place > 0; ) {
        const above = (place - 1) >> 1;
        if (!isBefore(place, above)) return;
        swap(place, above);
        place = above;
      }
    },

    next: () => heap[0]?.at,

    take(now) {
      const first = heap[0];
      if (first === undefined || first.at > now) return undefined;
      swap(0, heap.length - 1);
      heap.pop();
      for (let place = 0; ; ) {
        const left = 2 * place + 1;
        const least = isBefore(left + 1, left) ? left + 1 : left;
        if (!isBefore(least, place)) return first.item;
        swap(place, least);
        place = least;
      }
    },
  };
}
