// Sorts as Array.sort does, giving the event loop its turns: a million paths take more than a second. Stable, like that one.

import { nextTurn } from '../slices/slices.ts';

/** Sorted or merged between two turns; some ten milliseconds of paths. */
export const sliceItems = 8_192;

/** The items in order, in the array given or in a new one. */
export async function sortInSlices<T>(items: T[], compare: (a: T, b: T) => number): Promise<T[]> {
  if (items.length <= sliceItems) return items.sort(compare);
  let from = items;
  for (let at = 0; at < from.length; at += sliceItems) {
    const slice = from.slice(at, at + sliceItems).sort(compare);
    for (const [index, item] of slice.entries()) from[at + index] = item;
    await nextTurn();
  }
  let to = [...from];
  for (let width = sliceItems; width < from.length; width *= 2) {
    let sinceTurn = 0;
    for (let start = 0; start < from.length; start += 2 * width) {
      const middle = Math.min(start + width, from.length);
      const end = Math.min(start + 2 * width, from.length);
      let left = start;
      let right = middle;
      for (let at = start; at < end; at += 1) {
        const takesLeft = left < middle && (right >= end || compare(from[left] as T, from[right] as T) <= 0);
        to[at] = from[takesLeft ? left++ : right++] as T;
        sinceTurn += 1;
        if (sinceTurn < 2 * sliceItems) continue;
        sinceTurn = 0;
        await nextTurn();
      }
    }
    [from, to] = [to, from];
  }
  return from;
}
