// The mtime of every path of every release (N22, X9): the whole second at which the CCM accepted the publish that last changed
// the path, always above the path's previous one. Rows hold only what differs from a lineage's base time.

import type { TreeChange } from '../../model/tree.ts';
import { nextTurn } from '../../slices/slices.ts';
import type { Lineage } from '../core/state.ts';
import type { CcmDatabase } from '../db/ccm-database.ts';
import { rawQuery } from '../db/raw-query.ts';
import { createPathTimeRows, type PathTimeRows } from './path-time-rows.ts';

/** Paths looked up before the event loop gets its turn. */
const sliceRows = 2_000;

export interface PathTimes extends PathTimeRows {
  /** Times of a publish's new and changed paths, and the lineage of its tree. */
  forPublish(request: {
    readonly site: string;
    readonly sequence: number;
    /** Whole seconds since 1970. */
    readonly acceptedAt: number;
    /** What is live; null before the first publish or when the live tree is empty. */
    readonly live: Lineage | null;
    /** Live tree to wanted tree. */
    readonly changes: readonly TreeChange[];
  }): Promise<{ readonly lineage: Lineage; readonly times: ReadonlyMap<string, number> }>;
  /** Times of paths in a tree of this lineage. */
  ofTree(site: string, lineage: Lineage, paths: Iterable<string>): Promise<Map<string, number>>;
  /** Paths that any publish after the one and up to the other has changed, also one that was rolled back. */
  changedBetween(site: string, one: number, other: number): string[];
}

export function createPathTimes(database: CcmDatabase): PathTimes {
  const { queries } = database;
  const rowOf = (site: string, path: string, sql: string, parameters: readonly number[]) =>
    database.first(rawQuery<{ mtime: number | null }>(sql, [site, path, ...parameters]));

  async function lookUp<T>(paths: Iterable<string>, each: (path: string) => T): Promise<Map<string, T>> {
    const found = new Map<string, T>();
    for (const path of paths) {
      found.set(path, each(path));
      if (found.size % sliceRows === 0) await nextTurn();
    }
    return found;
  }

  const newest = 'select max(mtime) as mtime from path_times where site = ? and path = ?';
  const inLineage =
    'select mtime from path_times where site = ? and path = ? and sequence between ? and ? and abandoned = 0 order by sequence desc limit 1';

  return {
    ...createPathTimeRows(database),

    async forPublish({ site, sequence, acceptedAt, live, changes }) {
      const highest = database.first(
        queries
          .selectFrom('path_times')
          .select((row) => row.fn.max('mtime').as('mtime'))
          .where('site', '=', site),
      );
      if (live === null) {
        const bases = database.first(
          queries
            .selectFrom('snapshots')
            .select((row) => row.fn.max('base_mtime').as('mtime'))
            .where('site', '=', site),
        );
        const baseMtime = Math.max(
          acceptedAt,
          Number(highest?.mtime ?? 0) + 1,
          Number(bases?.mtime ?? 0) + 1,
        );
        return {
          lineage: { contentSequence: sequence, baseSequence: sequence, baseMtime },
          times: new Map(),
        };
      }
      const changed = changes.filter((change) => change.after !== undefined).map((change) => change.path);
      // Nothing in the site has a time that is not past: no path needs to be looked up.
      const isAbove = acceptedAt > Math.max(live.baseMtime, Number(highest?.mtime ?? 0));
      const times = await lookUp(changed, (path) =>
        isAbove
          ? acceptedAt
          : Math.max(acceptedAt, live.baseMtime + 1, Number(rowOf(site, path, newest, [])?.mtime ?? 0) + 1),
      );
      return { lineage: { ...live, contentSequence: sequence }, times };
    },

    ofTree: (site, lineage, paths) =>
      lookUp(
        paths,
        (path) =>
          rowOf(site, path, inLineage, [lineage.baseSequence, lineage.contentSequence])?.mtime ??
          lineage.baseMtime,
      ),

    changedBetween(site, one, other) {
      const rows = database.all(
        queries
          .selectFrom('path_times')
          .select('path')
          .distinct()
          .where('site', '=', site)
          .where('sequence', '>', Math.min(one, other))
          .where('sequence', '<=', Math.max(one, other)),
      );
      return rows.map((row) => row.path);
    },
  };
}
