// Which requests fetch the missing blocks of a data file: contiguous runs, each up to a bound.

export interface BlockRun {
  /** Index of the first block. */
  readonly first: number;
  readonly count: number;
}

/** `missing` in ascending order. */
export function blockRuns(missing: Iterable<number>, blocksMax: number): BlockRun[] {
  const runs: { first: number; count: number }[] = [];
  for (const index of missing) {
    const last = runs.at(-1);
    if (last !== undefined && index === last.first + last.count && last.count < blocksMax) last.count += 1;
    else runs.push({ first: index, count: 1 });
  }
  return runs;
}
