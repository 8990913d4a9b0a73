// Sets of blocks as ranges, ascending and apart. What comes from outside is brought into this form first.

import type { BlockRange } from './mctp-messages.ts';

/** Sorted, joined, and within 0 to `blocks`. */
export function normalRanges(ranges: readonly BlockRange[], blocks: number): BlockRange[] {
  const normal: { from: number; to: number }[] = [];
  for (const { from, to } of ranges.toSorted((one, other) => one.from - other.from)) {
    const begin = Math.max(0, from);
    const end = Math.min(blocks, to);
    if (begin >= end) continue;
    const last = normal.at(-1);
    if (last !== undefined && begin <= last.to) last.to = Math.max(last.to, end);
    else normal.push({ from: begin, to: end });
  }
  return normal;
}

export function countBlocks(ranges: readonly BlockRange[]): number {
  return ranges.reduce((sum, { from, to }) => sum + to - from, 0);
}

export function hasBlock(ranges: readonly BlockRange[], block: number): boolean {
  return ranges.some(({ from, to }) => block >= from && block < to);
}

/** Of the blocks from 0 to `blocks`, those that are wanted. */
export function rangesWhere(blocks: number, isWanted: (block: number) => boolean, from = 0): BlockRange[] {
  const ranges: BlockRange[] = [];
  let begin = -1;
  for (let block = from; block <= blocks; block += 1) {
    const wanted = block < blocks && isWanted(block);
    if (wanted && begin < 0) begin = block;
    else if (!wanted && begin >= 0) {
      ranges.push({ from: begin, to: block });
      begin = -1;
    }
  }
  return ranges;
}

/** Each block of the ranges, in order. */
export function eachBlock(ranges: readonly BlockRange[], act: (block: number) => void): void {
  for (const { from, to } of ranges) for (let block = from; block < to; block += 1) act(block);
}
