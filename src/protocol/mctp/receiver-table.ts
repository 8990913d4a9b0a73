// Whom a sender serves and how each one stands, by what it said itself. What follows from it is mctp-sender.ts's and rounds.ts's.

import type { Instant } from '../machine.ts';
import type { MctpOutcome, ReceiverState } from './mctp-machines.ts';
import type { BlockRange } from './mctp-messages.ts';

export interface ReceiverEntry {
  readonly node: string;
  state: ReceiverState;
  reason: string;
  /** Blocks that it lacked when it joined. */
  lacked: readonly BlockRange[];
  /** The last frame that was sent before it joined. */
  joinedNumber: number;
  heardAt: Instant;
  /** Blocks of which it said last that it has nothing. */
  absent: readonly BlockRange[];
  /** Blocks that it has been told to fetch. */
  fetching: readonly BlockRange[];
  /** When it was told last that it takes part no more. */
  toldAt: Instant;
  /** The last request that it answered, and how many since then it did not. */
  answered: number;
  unanswered: number;
  /** Frames that it lacks, by its answers to this request; the fewest so far; and for how many passes they did not become fewer. */
  lacks: number;
  best: number;
  stale: number;
  /** Since when it misses far more than the others; undefined: it does not. */
  lossySince: Instant | undefined;
  /** Blocks that it was the first to call forged. */
  forged: number;
}

export interface ReceiverTable {
  get(node: string): ReceiverEntry | undefined;
  all(): readonly ReceiverEntry[];
  /** Those that the session still works for. */
  open(): ReceiverEntry[];
  count(state: ReceiverState): number;
  /** Whose part is not over counts as `unicast`. */
  outcome(): MctpOutcome;
}

export function createReceiverTable(nodes: readonly string[], now: Instant): ReceiverTable {
  const sorted = [...new Set(nodes)].sort();
  const entries = new Map(
    sorted.map((node): [string, ReceiverEntry] => [
      node,
      {
        ...{ node, state: 'invited', reason: '', lacked: [], joinedNumber: 0, heardAt: now, absent: [] },
        ...{ fetching: [], toldAt: Number.NEGATIVE_INFINITY, answered: 0, unanswered: 0 },
        ...{ lacks: 0, best: Number.POSITIVE_INFINITY, stale: 0, lossySince: undefined, forged: 0 },
      },
    ]),
  );
  const all = [...entries.values()];
  const named = (state: ReceiverState): string[] =>
    all.filter((entry) => entry.state === state).map(({ node }) => node);

  return {
    get: (node) => entries.get(node),
    all: () => all,
    open: () => all.filter(({ state }) => state === 'receiving' || state === 'invited'),
    count: (state) => named(state).length,
    outcome: () => ({
      complete: named('complete'),
      unicast: all.filter(({ state }) => state !== 'complete' && state !== 'failed').map(({ node }) => node),
      failed: all.filter(({ state }) => state === 'failed').map(({ node, reason }) => ({ node, reason })),
    }),
  };
}
