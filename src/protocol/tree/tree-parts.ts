// Which blocks are of which part (TREE-20): runs of a fixed length by turns, so that each part comes in roughly in order. Both ends compute it.

import type { TreePart } from '../../model/tree-messages.ts';

/** `to` is not included. */
export interface BlockRun {
  readonly from: number;
  readonly to: number;
}

const runsWanted = 64;
const runBlocksMax = 64;

export function runBlocks(blocks: number): number {
  return Math.min(runBlocksMax, Math.max(1, Math.floor(blocks / runsWanted)));
}

export function partOf(index: number, blocks: number, parts: TreePart['parts']): number {
  return Math.floor(index / runBlocks(blocks)) % parts;
}

/** Ascending and apart. */
export function blocksOfPart({ part, parts }: TreePart, blocks: number): BlockRun[] {
  if (parts === 1) return blocks === 0 ? [] : [{ from: 0, to: blocks }];
  const length = runBlocks(blocks);
  const runs: BlockRun[] = [];
  for (let from = part * length; from < blocks; from += parts * length)
    runs.push({ from, to: Math.min(blocks, from + length) });
  return runs;
}
