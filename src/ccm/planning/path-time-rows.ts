// Rows of path_times: written while a publish is built, in slices, so that its decision stays small. A row counts when its sequence is
// decided, and lookups take every row of a lineage's range, so the rows of a publish that is not decided go before the next one's are there.

import { failpoint } from '../../faults/failpoint.ts';
import { nextTurn } from '../../slices/slices.ts';
import type { CcmDatabase, Query } from '../db/ccm-database.ts';
import { rawQuery } from '../db/raw-query.ts';

/** Rows in one transaction: the event loop gets its turn between two of them. */
const sliceRows = 1_000;

export interface PathTimeRows {
  /** Resolves when all rows are written, or at once when they were dropped meanwhile. */
  write(site: string, sequence: number, times: ReadonlyMap<string, number>): Promise<void>;
  /** This publish was not decided and never will be. */
  drop(site: string, sequence: number): void;
  /** For the decision of a publish after a rollback: the releases in between are in no lineage from now on. */
  supersede(site: string, between: { readonly after: number; readonly before: number }): Query;
}

const inserted = 'insert or replace into path_times (site, path, sequence, mtime) values (?, ?, ?, ?)';
const deleted = `delete from path_times where (site, path, sequence) in
  (select site, path, sequence from path_times where site = ? and sequence = ? limit ${sliceRows})`;
/** Above every decided one; a removed site's namesake begins anew, in a later epoch. */
const leftByCrash = `select distinct p.site, p.sequence from path_times p where p.sequence > (
  select coalesce(max(s.content_sequence), 0) from snapshots s where s.site = p.site
    and s.epoch > coalesce((select epoch from removed_sites where name = p.site), 0))`;

/** Begins with dropping what a crash left undecided. */
export function createPathTimeRows(database: CcmDatabase): PathTimeRows {
  /** The last work asked for a site; it is done one by one. */
  const lanes = new Map<string, Promise<void>>();
  /** Sequences of a site that were dropped and may still have rows. */
  const dropped = new Map<string, Set<number>>();

  function inLane(site: string, work: () => Promise<void>): Promise<void> {
    const done = (lanes.get(site) ?? Promise.resolve()).catch(() => undefined).then(work);
    lanes.set(site, done);
    const forget = () => {
      if (lanes.get(site) === done) lanes.delete(site);
    };
    done.then(forget, forget);
    return done;
  }

  const isDropped = (site: string, sequence: number) => dropped.get(site)?.has(sequence) === true;

  async function clear(site: string): Promise<void> {
    for (const sequence of [...(dropped.get(site) ?? [])]) {
      while (database.run(rawQuery(deleted, [site, sequence])).changes > 0) {
        failpoint('ccm.path-times.dropped');
        await nextTurn();
      }
      dropped.get(site)?.delete(sequence);
    }
    if (dropped.get(site)?.size === 0) dropped.delete(site);
  }

  async function insert(site: string, sequence: number, times: ReadonlyMap<string, number>): Promise<void> {
    // What is many is brought to the disk now, so that the decision's own sync finds little to do.
    const durable = times.size > sliceRows;
    let slice: Query[] = [];
    for (const [path, mtime] of times) {
      slice.push(rawQuery(inserted, [site, path, sequence, mtime]));
      if (slice.length < sliceRows) continue;
      database.writeBatch(slice, { durable });
      slice = [];
      await nextTurn();
      if (isDropped(site, sequence)) return;
    }
    if (slice.length > 0) database.writeBatch(slice, { durable });
    failpoint('ccm.path-times.written');
  }

  function drop(site: string, sequence: number): void {
    dropped.set(site, (dropped.get(site) ?? new Set()).add(sequence));
    // When this fails, the site's next publish tries again, and fails if it must.
    inLane(site, () => clear(site)).catch(() => undefined);
  }

  for (const row of database.all(rawQuery<{ site: string; sequence: number }>(leftByCrash, [])))
    drop(row.site, row.sequence);

  return {
    write: (site, sequence, times) =>
      inLane(site, async () => {
        if (isDropped(site, sequence)) return;
        await clear(site);
        if (!isDropped(site, sequence)) await insert(site, sequence, times);
      }),
    drop,
    supersede: (site, { after, before }) =>
      database.queries
        .updateTable('path_times')
        .set({ abandoned: 1 })
        .where('site', '=', site)
        .where('sequence', '>', after)
        .where('sequence', '<', before),
  };
}
