// Who can feed whom (TREE-25 to TREE-28): how many fetch from each leader and from the CCM, who has a place free, and which source suits a leader.
// No leader ever gets a source that depends on itself.

import type { TreePart } from '../../model/tree-messages.ts';
import { createCandidates } from './candidates.ts';
import type { Feeder, LeaderRow } from './leader-row.ts';
import { nearest } from './nearest.ts';
import type { TreeShape } from './shape-tree.ts';

type Part = TreePart['part'];

/** A path from a leader up to the CCM is followed so far; a longer one makes it no source. */
const pathMax = 256;
/** What the CCM bears beyond the plan, for those who lost their source. */
const ccmSpare = 2;

export interface TreePlaces {
  /** What its uplink bears beyond those that fetch from it. */
  free(row: LeaderRow): number;
  /** It may feed others: its place is known, it is here, and nothing speaks against it. */
  canServe(row: LeaderRow): boolean;
  feed(row: LeaderRow, part: Part, feeder: Feeder | undefined): void;
  /** It is dead, as it seems: its places are free. */
  release(row: LeaderRow): void;
  /** It fetches no more. */
  finish(row: LeaderRow): void;
  /** It fetches, again. */
  count(row: LeaderRow): void;
  /** It may have a place now. */
  offer(row: LeaderRow): void;
  /** TREE-27: with this source it would not depend on itself. */
  isFree(fetcher: LeaderRow, part: Part, source: LeaderRow): boolean;
  /** For a part that it has no source for. `besides`: not that one; `isBetter`: only one that has more than it has itself. */
  source(
    fetcher: LeaderRow,
    part: Part,
    wish?: { readonly besides?: Feeder | undefined; readonly isBetter?: boolean },
  ): Feeder | undefined;
}

export function createTreePlaces(
  shape: TreeShape,
  /** Nobody but this one waits. */
  isLast: (row: LeaderRow) => boolean,
  /** Its load, or what speaks against it, has changed. */
  onChange: (row: LeaderRow) => void,
): TreePlaces {
  const { parts } = shape.plan();
  const allParts: readonly Part[] = parts === 1 ? [0] : [0, 1];
  const ccmHasPlace = (more = 0): boolean => ccmLoad < shape.plan().ccmFanOut * parts + ccmSpare + more;
  let ccmLoad = 0;

  const free = (row: LeaderRow): number => shape.bears(row.leader) - row.load;
  const canServe = (row: LeaderRow): boolean =>
    row.isHere &&
    ![row.isOut, row.isUnheard, row.isLeaf, row.isAvoided, row.isSuspect, row.stage === 'failed'].includes(
      true,
    ) &&
    row.leader.place !== null;
  const passesOn = (row: LeaderRow, part: Part): boolean =>
    canServe(row) && (row.stage === 'held' || (!row.isFull && (parts === 1 || row.colour === part)));
  const isActive = (row: LeaderRow): boolean =>
    row.stage === 'held' || (row.stage === 'fetching' && row.heldBlocks > 0);
  const open = allParts.map((part) =>
    createCandidates<LeaderRow>((row) => free(row) > row.kept && passesOn(row, part)),
  );
  /** Theirs are for those whom they will notify, as long as somebody else waits. */
  const kept = allParts.map((part) =>
    createCandidates<LeaderRow>((row) => passesOn(row, part) && free(row) > 0),
  );
  /** One more than the uplink bears at full speed, for those who lost their source: it is slower for all, and not for long. */
  const spare = allParts.map((part) =>
    createCandidates<LeaderRow>((row) => isActive(row) && passesOn(row, part) && free(row) > -1),
  );

  function change(feeder: Feeder | undefined, by: 1 | -1): void {
    if (feeder === undefined) return;
    if (feeder === 'ccm') ccmLoad += by;
    else {
      feeder.load += by;
      if (by < 0) offer(feeder);
      onChange(feeder);
    }
  }

  function offer(row: LeaderRow): void {
    if (!canServe(row)) return;
    for (const part of allParts) {
      if (free(row) > row.kept) open[part]?.add(row);
      kept[part]?.add(row);
      spare[part]?.add(row);
    }
  }

  function release(row: LeaderRow): void {
    if (!row.isCounted) return;
    row.isCounted = false;
    for (const part of allParts) change(row.feeders[part], -1);
  }

  function isFree(fetcher: LeaderRow, part: Part, source: LeaderRow): boolean {
    let at: Feeder | undefined = source;
    for (let step = 0; step < pathMax; step += 1) {
      if (at === fetcher) return false;
      if (at === undefined || at === 'ccm' || at.stage === 'held') return true;
      // After a restart of the CCM nobody knows whom it depends on; on one that never had anything it does not.
      if (at.isUnheard || (at.isTakenOver && at.feeders[part] === undefined))
        return fetcher.stage === 'waiting' && fetcher.heldBlocks === 0;
      at = at.feeders[part];
    }
    return false;
  }

  return {
    free,
    canServe,
    offer,
    isFree,

    feed(row, part, feeder) {
      const former = row.feeders[part];
      if (row.isCounted) change(former, -1);
      row.feeders[part] = feeder;
      if (former !== undefined && former !== 'ccm' && !row.feeders.includes(former)) former.feeds.delete(row);
      if (feeder !== undefined && feeder !== 'ccm') feeder.feeds.add(row);
      if (row.isCounted) change(feeder, 1);
    },

    release,

    finish(row) {
      release(row);
      for (const feeder of row.feeders)
        if (feeder !== undefined && feeder !== 'ccm') feeder.feeds.delete(row);
      // Nothing depends on them through it any more.
      row.feeders = [];
    },

    count(row) {
      if (row.isCounted) return;
      row.isCounted = true;
      for (const part of allParts) change(row.feeders[part], 1);
    },

    source(fetcher, part, { besides, isBetter = false } = {}) {
      const suits = (row: LeaderRow): boolean =>
        row !== besides &&
        !fetcher.avoids.has(row) &&
        !row.accusers.has(fetcher.leader.node) &&
        (!isBetter || row.stage === 'held' || row.heldBlocks > fetcher.heldBlocks) &&
        isFree(fetcher, part, row);
      const best = (rows: readonly LeaderRow[]): LeaderRow | undefined =>
        nearest(fetcher.leader.coordinates, rows, ({ leader }) => leader.coordinates);
      let suiting = (open[part]?.first() ?? []).filter(suits);
      if (suiting.length === 0 && isLast(fetcher)) suiting = (kept[part]?.first() ?? []).filter(suits);
      const isRepair = fetcher.stage !== 'waiting';
      if (!isRepair) {
        const found = best(suiting);
        if (found !== undefined) return found;
      }
      const active = best(suiting.filter(isActive));
      if (active !== undefined) return active;
      // The place that a dead source had at its own is free.
      if (isRepair && besides !== undefined && besides !== 'ccm') {
        const above = besides.feeders[part];
        if (above === 'ccm' && ccmHasPlace()) return 'ccm';
        if (
          above !== undefined &&
          above !== 'ccm' &&
          passesOn(above, part) &&
          free(above) > 0 &&
          suits(above)
        )
          return above;
      }
      const over = best((spare[part]?.first() ?? []).filter(suits));
      if (isRepair && over !== undefined) return over;
      if (besides !== 'ccm' && ccmHasPlace()) return 'ccm';
      if (over !== undefined) return over;
      if (isBetter) return undefined;
      const waits = best(suiting);
      // It may be that everybody waits for this one, and those that the CCM feeds keep their places until then.
      if (waits === undefined && fetcher.hasRested && ccmHasPlace(parts)) return 'ccm';
      return waits;
    },
  };
}
