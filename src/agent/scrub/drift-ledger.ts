// Which paths of a site are known to have drifted on this node, and since when. Pure.

import type { Drift } from '../store/site-store.ts';

export interface DriftedPath extends Drift {
  /** Milliseconds since 1970, when it was found. */
  readonly since: number;
}

/** More than these are found again when they are mended, or by the next pass. */
export const driftedPathsMax = 1_000;

export interface DriftChange {
  readonly drifted: readonly DriftedPath[];
  /** Not known before, or of another kind. */
  readonly found: readonly Drift[];
  /** Known before and right now. */
  readonly gone: readonly Drift[];
}

/** What is known after these paths were looked at and this was found among them. */
export function noteDrift(
  known: readonly DriftedPath[],
  looked: Iterable<string>,
  found: readonly Drift[],
  now: number,
): DriftChange {
  const isLooked = new Set([...looked, ...found.map(({ path }) => path)]);
  const before = new Map(known.map((drifted) => [drifted.path, drifted]));
  const still = new Set(found.map(({ path }) => path));
  const others = known.filter(({ path }) => !isLooked.has(path));
  const these = found.map(({ path, problem }) => ({ path, problem, since: before.get(path)?.since ?? now }));
  const drifted = [...others, ...these].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  return {
    drifted: drifted.slice(0, driftedPathsMax),
    found: found.filter(({ path, problem }) => before.get(path)?.problem !== problem),
    gone: known
      .filter(({ path }) => isLooked.has(path) && !still.has(path))
      .map(({ path, problem }) => ({ path, problem })),
  };
}
