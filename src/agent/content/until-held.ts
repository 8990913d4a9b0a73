// A node whose leader died while an assignment came from it, and who leads now itself, holds that assignment for its segment a few seconds later: when
// the CCM has accepted it. Waiting for that spares the CCM a copy.

import { type Clock, delay } from '../../net/clock.ts';
import type { HeldContent } from '../leader/held-content.ts';

export interface UntilHeldOptions {
  readonly held: () => HeldContent | null;
  /** It is its segment's leader, accepted or not yet. */
  readonly leads: () => boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** As long as a node that lost its leader waits for an accepted one (LEAD-53). */
const waitMs = 6_000;
const lookMs = 200;

/** Null: it does not lead, or is not accepted in time. */
export async function untilHeld({
  held,
  leads,
  clock,
  signal,
}: UntilHeldOptions): Promise<HeldContent | null> {
  for (let waitedMs = 0; ; waitedMs += lookMs) {
    const content = held();
    if (content !== null) return content;
    if (!leads() || waitedMs >= waitMs || signal.aborted) return null;
    await delay(clock, lookMs, signal);
  }
}
