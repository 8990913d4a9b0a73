// How fast a sender may send (N17). Up to most of what the link is said, or was found, to carry; less when loss shows that it is shared or narrower;
// never so little that nothing moves. Loss by itself is no reason: a slower while shows whether it comes from the sending.

import type { Instant } from '../machine.ts';

export interface MctpRateOptions {
  readonly now: Instant;
  /** What the link carries, as configured or probed. */
  readonly linkBytesPerSecond: number;
  /** Never above; none: as the link carries. */
  readonly capBytesPerSecond?: number;
}

export interface MctpRate {
  /** How much may be sent now. */
  budgetBytes(now: Instant): number;
  spend(bytes: number): void;
  /** What got lost of `frames` frames sent since `epoch` changed, as a share. */
  lost(now: Instant, share: number, frames: number): void;
  /** The sending machine does not keep up. */
  overrun(now: Instant): void;
  /** Another hard cap, from now on. */
  cap(bytesPerSecond: number): void;
  bytesPerSecond(): number;
  /** Another number each time that the rate was changed in answer to loss: what was measured before says nothing about it. */
  epoch(): number;
}

/** Of what the link carries: when nobody else is noticed, and when somebody may be. */
const aloneShare = 0.8;
const sharedShare = 0.5;
const startShare = 0.1;
/** It never goes below this share, nor below so much. */
const floorShare = 0.02;
const floorBytesPerSecond = 64_000;
/** From the start on the rate doubles in so much time. */
const doubleMs = 250;
/** Fewer frames lost of late are none; half of them are forgotten after so long. */
const framesMin = 2;
const doubtMs = 1000;
/** Loss that does not come from the sending is told from a neighbour's only above. */
const ambientMin = 0.015;
/** Above, what arrives is what the link carries. */
const narrowMin = 0.1;
/** Above, nothing gets through: no rate would help. */
const outageMin = 0.95;
/** Of what the link was thought to carry, one judgement leaves so much at least; and so much is regained in a second without loss. */
const cutShare = 0.25;
const regainShare = 0.2;
const testShare = 0.5;
/** Loss that the rate has nothing to do with is the same in so many tests in a row, but for chance; a neighbour's comes in bursts. */
const testsMin = 2;
const steadyShare = 0.6;
const holdMs = 6000;
const holdMaxMs = 24_000;
/** Growth in a second behind a hold, as a share of what the link is thought to carry. */
const growthShare = 0.2;
const overrunShare = 0.85;
const overrunGapMs = 100;
/** What was not sent in time is lost, but for so much: processes of a busy machine get their turn late. */
const burstMs = 25;
const burstBytesMin = 131_072;

type Mode =
  | { readonly mode: 'starting' | 'steady' }
  /** Slower, to see what the loss does. */
  | { readonly mode: 'testing'; readonly rate: number; readonly loss: number; readonly left: number }
  /** Somebody else sends as well. */
  | { readonly mode: 'yielding'; readonly until: Instant };

export function createMctpRate(options: MctpRateOptions): MctpRate {
  const { linkBytesPerSecond: link } = options;
  let hardCap = options.capBytesPerSecond ?? Number.POSITIVE_INFINITY;
  /** What the link is thought to carry. */
  let reference = link;
  /** Loss that the rate has nothing to do with. */
  let ambient = 0;
  /** What the machine itself can do. */
  let local = Number.POSITIVE_INFINITY;
  let rate = startShare * link;
  let mode: Mode = { mode: 'starting' };
  let epoch = 0;
  let hold = holdMs;
  let overrunAt = Number.NEGATIVE_INFINITY;
  let filledAt = options.now;
  let budget = burstBytesMin;
  /** Frames lost of late for no known reason. */
  let doubt = 0;
  let doubtAt = options.now;

  const floor = (): number => Math.max(floorShare * link, floorBytesPerSecond);
  const effective = (): number => Math.min(hardCap, Math.max(floor(), Math.min(rate, local)));

  function set(next: Mode, bytesPerSecond: number): void {
    mode = next;
    rate = bytesPerSecond;
    doubt = 0;
    epoch += 1;
  }

  function grow(now: Instant, elapsedMs: number): void {
    local *= 1 + (0.5 * elapsedMs) / 1000;
    if (mode.mode === 'starting') {
      rate *= 2 ** (elapsedMs / doubleMs);
      if (rate >= aloneShare * reference) set({ mode: 'steady' }, aloneShare * reference);
    } else if (mode.mode === 'yielding') {
      const half = sharedShare * reference;
      if (rate < half) rate = Math.min(half, rate + (growthShare * reference * elapsedMs) / 1000);
      if (now >= mode.until) mode = { mode: 'steady' };
    } else if (mode.mode === 'steady') {
      if (rate < aloneShare * reference) rate += (growthShare * reference * elapsedMs) / 1000;
      else if (reference < link)
        reference = Math.min(link, reference * (1 + (regainShare * elapsedMs) / 1000));
      rate = Math.min(rate, aloneShare * reference);
    }
  }

  function judge(now: Instant, tested: Extract<Mode, { mode: 'testing' }>, loss: number): void {
    const ifOurs = Math.max(0, 1 - (1 - tested.loss) * (tested.rate / rate));
    if (loss < (ifOurs + tested.loss) / 2 && tested.loss >= narrowMin) {
      reference = Math.min(reference, Math.max(cutShare * reference, tested.rate * (1 - tested.loss)));
      set({ mode: 'steady' }, aloneShare * reference);
    } else if (loss >= ambientMin && loss >= steadyShare * tested.loss && loss <= tested.loss / steadyShare) {
      if (tested.left > 1) {
        set({ ...tested, mode: 'testing', left: tested.left - 1 }, rate);
        return;
      }
      ambient = Math.max(ambient, (tested.loss + loss) / 2);
      set({ mode: 'steady' }, tested.rate);
    } else yieldTo(now, tested.rate);
  }

  /** A little loss is what a flow causes that tries out what there is: it gets its part. */
  function yieldTo(now: Instant, rateMax = rate): void {
    if (mode.mode === 'yielding') {
      mode = { mode: 'yielding', until: Math.max(mode.until, now + holdMs) };
      return;
    }
    set({ mode: 'yielding', until: now + hold }, Math.min(rateMax, sharedShare * reference));
    hold = Math.min(2 * hold, holdMaxMs);
  }

  return {
    budgetBytes(now) {
      const elapsedMs = Math.max(0, now - filledAt);
      filledAt = now;
      grow(now, Math.min(elapsedMs, 100));
      const perMs = effective() / 1000;
      budget = Math.min(budget + perMs * elapsedMs, Math.max(burstBytesMin, burstMs * perMs));
      return Math.max(0, budget);
    },
    spend(bytes) {
      budget -= bytes;
    },
    lost(now, share, frames) {
      if (share > outageMin) {
        if (mode.mode === 'testing') set({ mode: 'steady' }, mode.rate);
        return;
      }
      if (mode.mode === 'testing') {
        judge(now, mode, share);
        return;
      }
      const noise = 3 * Math.sqrt((ambient * (1 - ambient)) / Math.max(1, frames));
      const more = share - ambient - noise;
      doubt = doubt * 0.5 ** ((now - doubtAt) / doubtMs) + Math.max(0, more * frames);
      doubtAt = now;
      if (doubt < framesMin) {
        if (share < ambient / 2) ambient *= 0.8;
      } else if (more < ambientMin) yieldTo(now);
      else if (mode.mode === 'yielding' && more < narrowMin) yieldTo(now);
      else set({ mode: 'testing', rate: effective(), loss: share, left: testsMin }, testShare * effective());
    },
    overrun(now) {
      if (now - overrunAt < overrunGapMs) return;
      overrunAt = now;
      local = Math.max(floor(), overrunShare * Math.min(local, effective()));
    },
    cap(bytesPerSecond) {
      hardCap = bytesPerSecond;
    },
    bytesPerSecond: effective,
    epoch: () => epoch,
  };
}
