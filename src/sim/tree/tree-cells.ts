// The blocks of an assignment as the simulator moves them: each cell is a few blocks that follow one another and belong to the same part, so that
// 10,000 leaders with thousands of blocks each cost few events. With cells of one block nothing is approximated.

import { blockBytes } from '../../model/assignment.ts';
import type { TreePart } from '../../model/tree-messages.ts';
import { blocksOfPart, runBlocks } from '../../protocol/tree/tree-parts.ts';

export interface TreeCells {
  readonly blocks: number;
  readonly bytes: number;
  readonly count: number;
  bytesOf(cell: number): number;
  blocksOf(cell: number): number;
  /** Ascending. The same array each time. */
  ofPart(part: TreePart): Int32Array;
}

export function createTreeCells(bytes: number, cellBlocks: number): TreeCells {
  const blocks = Math.max(1, Math.ceil(bytes / blockBytes));
  const run = runBlocks(blocks);
  const starts: number[] = [];
  for (let from = 0; from < blocks; from += run)
    for (let at = from; at < Math.min(blocks, from + run); at += cellBlocks) starts.push(at);
  const blocksOf = (cell: number): number => {
    const from = starts[cell] as number;
    const next = starts[cell + 1] ?? blocks;
    return next - from;
  };
  const cellOfBlock = new Map(starts.map((block, cell) => [block, cell]));
  const parts = new Map<number, Int32Array>();
  for (const total of [1, 2] as const)
    for (let part = 0; part < total; part += 1) {
      const cells: number[] = [];
      for (const { from, to } of blocksOfPart({ part, parts: total }, blocks))
        for (let block = from; block < to; block += 1) {
          const cell = cellOfBlock.get(block);
          if (cell !== undefined) cells.push(cell);
        }
      parts.set(2 * total + part, Int32Array.from(cells));
    }
  return {
    blocks,
    bytes,
    count: starts.length,
    blocksOf,
    bytesOf: (cell) =>
      cell === starts.length - 1
        ? bytes - (starts[cell] as number) * blockBytes
        : blocksOf(cell) * blockBytes,
    ofPart: ({ part, parts: total }) => parts.get(2 * total + part) as Int32Array,
  };
}
