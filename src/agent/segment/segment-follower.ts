// How a node carries out what the CCM says of its segment (LINK-42, CHAN-21): it goes where it belongs with its leader, and alone when that does not
// take it there in time.

import { unassignedSegment } from '../../model/segment.ts';
import type { SegmentCcmMessage } from '../../model/segment-messages.ts';
import type { Clock } from '../../net/clock.ts';
import type { SegmentDriver } from '../../net/segment/segment-driver.ts';
import type { SegmentMemory } from './segment-memory.ts';
import { type SegmentSettings, timingOf } from './segment-settings.ts';

export type ToldSegment = Extract<SegmentCcmMessage, { readonly type: 'segment' }>;

export interface SegmentFollower {
  /** What could not be written down is tried again, unless the CCM has said something else by then. */
  takeUp(told: ToldSegment): void;
  /** Looks anew whether what is waited for has come, or is not to be waited for any more. */
  again(): void;
  /** What is remembered of it. */
  settled(told: ToldSegment): Parameters<SegmentMemory['settle']>[0];
}

export interface SegmentFollowerOptions {
  readonly settings: SegmentSettings;
  readonly memory: () => SegmentMemory | undefined;
  readonly driver: () => SegmentDriver | undefined;
  /** One thing at a time; a failure is logged. */
  readonly work: (run: () => Promise<void>) => void;
  readonly after: (delayMs: number, run: () => void) => void;
  /** The driver is made anew, by what is remembered. */
  readonly reopen: () => Promise<void>;
  readonly clock: Clock;
}

const tryAgainMs = 10_000;
/** A leader takes its members over sooner than this. */
const waitForLeaderMs = 15_000;

export function createSegmentFollower(options: SegmentFollowerOptions): SegmentFollower {
  const { settings, clock, work, after, reopen } = options;
  /** What is, or was, carried out last. */
  let taken: ToldSegment | undefined;
  /** Where the node is to go, and since when it waits for its leader to take it there. */
  let waiting: { readonly told: ToldSegment; readonly to: string; readonly since: number } | undefined;
  /** As a leader: where to, and in which term it said so. */
  let ordered = '';

  function settled({ id, channel, preset, timers }: ToldSegment): ReturnType<SegmentFollower['settled']> {
    // LINK-42: who remembers a segment that the CCM does not know keeps it.
    const current = options.memory()?.current().segment ?? unassignedSegment;
    const isKnown = id !== unassignedSegment || current === unassignedSegment;
    return { preset, timers, ...(isKnown ? { segment: id, channel } : {}) };
  }

  function takeUp(next: ToldSegment): void {
    taken = next;
    work(async () => {
      try {
        await follow(next);
      } catch (error) {
        after(tryAgainMs, () => taken === next && takeUp(next));
        throw error;
      }
    });
  }

  async function follow(next: ToldSegment): Promise<void> {
    const memory = options.memory();
    const driver = options.driver();
    if (memory === undefined || driver === undefined) return;
    const before = JSON.stringify(timingOf(settings, memory.current()));
    const { segment, channel, ...timing } = { ...memory.current(), ...settled(next) };
    await memory.settle({ preset: timing.preset, timers: timing.timers });
    const isNewTiming = JSON.stringify(timingOf(settings, memory.current())) !== before;
    const to = JSON.stringify({ segment, channel });
    const { segment: from, channel: now } = memory.current();
    if (to === JSON.stringify({ segment: from, channel: now })) {
      waiting = undefined;
      if (isNewTiming) await reopen();
      return;
    }
    const { state, leader, term } = driver.machine();
    const isAlone = (from !== unassignedSegment && segment !== from) || leader === null;
    const hasWaited = waiting?.to === to && clock.now() - waiting.since >= waitForLeaderMs;
    if (isAlone || hasWaited) {
      waiting = undefined;
      await memory.settle({ segment, channel });
      await reopen();
      return;
    }
    if (waiting?.to !== to) waiting = { told: next, to, since: clock.now() };
    // Each leader gives the order, also one that was elected while all waited for the one before.
    if (state !== 'leading' || ordered === `${to} ${term}`) return;
    ordered = `${to} ${term}`;
    driver.input({ input: 'move', to: { segment, channel } });
  }

  return {
    takeUp,
    settled,
    again() {
      if (waiting !== undefined) takeUp(waiting.told);
    },
  };
}
