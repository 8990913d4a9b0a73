// What a tree holds, asked by path: a file, how many files below a directory. Answers from the sorted list of paths alone, so a
// large site costs no index.

export interface TreeFacts {
  /** Whether the tree that is live now has this file. */
  exists(path: string): boolean;
  /** How many of its files lie below this directory, at any depth; `''` is the root. */
  filesBelow(directory: string): number;
}

/** `paths`: every file of the tree; sorted or not. */
export function treeFacts(paths: readonly string[]): TreeFacts {
  const sorted = isSorted(paths) ? paths : paths.toSorted(byCodeUnits);
  return {
    exists: (path) => sorted[firstAtLeast(sorted, path)] === path,
    filesBelow(directory) {
      if (directory === '') return sorted.length;
      // `0` is the character after `/`.
      return firstAtLeast(sorted, `${directory}0`) - firstAtLeast(sorted, `${directory}/`);
    },
  };
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function isSorted(paths: readonly string[]): boolean {
  return paths.every((path, index) => index === 0 || (paths[index - 1] as string) <= path);
}

function firstAtLeast(sorted: readonly string[], wanted: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as string) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
