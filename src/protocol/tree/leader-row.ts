// What a distribution keeps of one leader. It decides nothing.

import type { TreePart } from '../../model/tree-messages.ts';
import type { Instant } from '../machine.ts';
import type { LeaderInTree, SourceChoice, TreeLeader } from './tree-machines.ts';

/** Who feeds a leader with a part. */
export type Feeder = LeaderRow | 'ccm';

export interface LeaderRow {
  leader: TreeLeader;
  /** `given`: handed out to, and no word of it yet. */
  stage: 'waiting' | 'given' | 'fetching' | 'held' | 'failed';
  /** Connected and accepted. */
  isHere: boolean;
  /** It came late, perhaps with what it has from an earlier run of the CCM, and has not said anything yet. */
  isUnheard: boolean;
  /** Its segment needs it no more, or has another leader. */
  isOut: boolean;
  /** It only fetches. */
  isLeaf: boolean;
  /** In a tree of two parts: which one it passes on. */
  readonly colour: TreePart['part'];
  /** So many of its places are for those whom it will notify; the others are for those who look for a source. */
  kept: number;
  /** Of its newest hand-out. */
  number: number;
  /** It has said that it follows that one. */
  isNumberKnown: boolean;
  /** By part; empty: none, or (after a restart of the CCM) not known. */
  feeders: (Feeder | undefined)[];
  isTakenOver: boolean;
  /** Of its newest hand-out, also when it has done with them. */
  lastSources: readonly SourceChoice[];
  /** It was taken over: whom it feeds is not known either. */
  isFull: boolean;
  /** How many fetch from it, counted by part. */
  load: number;
  /** Who was last told to fetch from it. */
  readonly feeds: Set<LeaderRow>;
  /** It counts in its feeders' load. */
  isCounted: boolean;
  heldBlocks: number;
  handedOutAt: Instant | null;
  heldAt: Instant | null;
  /** Who is to notify it; null: the CCM. */
  bringer: LeaderRow | null;
  /** Whom it is to notify, of whom there was no word yet. */
  readonly brings: Set<LeaderRow>;
  /** A word of it is waited for until then; null: it is not. */
  signAt: Instant | null;
  signTries: number;
  /** Parts that it has no source for, or needs another for. */
  readonly needs: Set<TreePart['part']>;
  /** Nothing was found for it; another attempt follows soon. */
  isResting: boolean;
  hasRested: boolean;
  /** Its source is gone; or gives less than it has, or has nothing more: then only a better one takes its place. */
  trouble: 'lost' | 'slow' | 'starving';
  /** The CCM notifies it, with whatever sources there are. */
  isByLink: boolean;
  /** What it contributes to the sums over all. */
  readonly counted: Record<'here' | 'heldHere' | 'waiting' | 'places' | 'ready', number>;
  /** Sources that were slow, or lacked it, once. */
  readonly doubts: Set<LeaderRow>;
  /** Sources that it had trouble with. */
  readonly avoids: Set<LeaderRow>;
  /** Of those, whom its word counted against. */
  readonly accused: Set<LeaderRow>;
  /** Who found it corrupt, or lacking what it said. */
  readonly accusers: Set<string>;
  isAvoided: boolean;
  /** Who did not reach it. */
  readonly unreachedBy: Set<string>;
  /** Somebody did not reach it, and it has not said anything since. */
  isSuspect: boolean;
}

export function createLeaderRow(leader: TreeLeader, isLeaf: boolean, colour: TreePart['part']): LeaderRow {
  return {
    ...{
      leader,
      isLeaf,
      colour,
      stage: 'waiting',
      isHere: true,
      isUnheard: false,
      isOut: false,
      kept: 0,
    },
    ...{
      number: 0,
      isNumberKnown: false,
      feeders: [],
      isTakenOver: false,
      lastSources: [],
      isFull: false,
      load: 0,
      feeds: new Set(),
      isCounted: false,
      heldBlocks: 0,
    },
    ...{ handedOutAt: null, heldAt: null, bringer: null, brings: new Set(), signAt: null, signTries: 0 },
    ...{
      needs: new Set(),
      trouble: 'lost',
      doubts: new Set(),
      isResting: false,
      hasRested: false,
      isByLink: false,
    },
    ...{ avoids: new Set(), accused: new Set(), accusers: new Set(), isAvoided: false },
    ...{ unreachedBy: new Set(), isSuspect: false },
    counted: { here: 0, heldHere: 0, waiting: 0, places: 0, ready: 0 },
  };
}

/** By part; empty while a part has none. */
export function sourcesOf(row: LeaderRow, parts: TreePart['parts']): SourceChoice[] {
  const sources: SourceChoice[] = [];
  for (const [part, feeder] of row.feeders.entries())
    if (feeder !== undefined)
      sources.push({ part, parts, node: feeder === 'ccm' ? null : feeder.leader.node });
  return sources;
}

export function leaderInTree(row: LeaderRow): LeaderInTree {
  const { segment, node } = row.leader;
  const { isHere, heldBlocks, handedOutAt, heldAt } = row;
  const state = row.stage === 'given' ? 'fetching' : row.stage;
  return { segment, node, state, isHere, sources: row.lastSources, heldBlocks, handedOutAt, heldAt };
}
