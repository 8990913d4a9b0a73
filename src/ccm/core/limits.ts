// The core's times and counts (ARCHITECTURE §3.6), in one place.

export const limits = {
  /** After a CCM start a job waits this long for known members. */
  bootWaitMs: 10_000,
  /** A participant that disconnects has this long to return. */
  returnMs: 10_000,
  /** A staging job in which nothing moves for this long gives up on those it waits for. */
  stalledMs: 120_000,
  /** A node that says it is at work, and not that anything was done, is believed for so long. */
  hooksMs: 3_600_000,
  /** No node is waited for longer than this, whatever it says. */
  stagingMs: 86_400_000,
  /** After the decision: who has not switched when nothing moved for this long is stale, and the job ends. */
  settleMs: 30_000,
  /** Balancers that do not answer for so long count as having failed. */
  balancerMs: 200_000,
  /** Retries of a publish that failed only by lost nodes, after 2, 4, 8 … seconds. */
  lostRetriesMax: 5,
  /** A node whose live tree moved under a job is given an assignment from the new base this often. */
  basesTriedMax: 3,
  synchronizeDelayMs: 2_000,
  synchronizeDelayMaxMs: 60_000,
} as const;

/** 2, 4, 8 … seconds for attempt 1, 2, 3 … */
export function retryDelayMs(attempt: number): number {
  return 1000 * 2 ** attempt;
}
