// Runs a session's machine by the clock: carries out its effects after whatever made some, and calls it when it wants to be called. What an effect does
// is its owner's matter.

import type { Instant, Machine } from '../../protocol/machine.ts';
import type { Clock } from '../clock.ts';

export interface MachineRunner<Input> {
  handle(input: Input): void;
  /** Carries out what the machine wants by itself, as one does that has just been made. */
  settle(): void;
  /** Within a millisecond or two: for what happens tens of thousands of times a second. */
  settleSoon(): void;
  close(): void;
}

/** Milliseconds that nobody sets, and finer than those of a {@link Clock}: frames are paced by them. */
export function instant(): Instant {
  return performance.now();
}

export function createMachineRunner<Input, Effect>(options: {
  readonly machine: Machine<Input, Effect>;
  readonly clock: Clock;
  readonly carryOut: (effect: Effect) => void;
  /** {@link instant} when it is left out. */
  readonly now?: () => Instant;
  /** All effects have been carried out, for now. */
  readonly onSettled?: () => void;
}): MachineRunner<Input> {
  const { machine, clock, carryOut, now: read = instant } = options;
  let cancelTimer: (() => void) | undefined;
  let timerAt = Number.POSITIVE_INFINITY;
  let isSettling = false;
  let cancelSoon: (() => void) | undefined;
  let isClosed = false;

  function settle(): void {
    // What carries out an effect may say something to the machine: the loop that runs goes on with it.
    if (isSettling || isClosed) return;
    isSettling = true;
    try {
      for (;;) {
        const effect = machine.pollEffect();
        if (effect === undefined || isClosed) break;
        carryOut(effect);
      }
    } finally {
      isSettling = false;
    }
    if (isClosed) return;
    arm();
    options.onSettled?.();
  }

  function arm(): void {
    const at = machine.nextTimeout() ?? Number.POSITIVE_INFINITY;
    // A timer that is early does no harm: it looks again.
    if (at >= timerAt) return;
    cancelTimer?.();
    timerAt = Number.POSITIVE_INFINITY;
    if (at === Number.POSITIVE_INFINITY) return;
    timerAt = at;
    cancelTimer = clock.after(Math.max(0, Math.ceil(at - read())), () => {
      cancelTimer = undefined;
      timerAt = Number.POSITIVE_INFINITY;
      const now = read();
      const due = machine.nextTimeout();
      if (due !== undefined && due <= now) machine.onTimeout(now);
      settle();
    });
  }

  return {
    handle(input) {
      if (isClosed) return;
      machine.handle(read(), input);
      settle();
    },
    settle,
    settleSoon() {
      cancelSoon ??= clock.after(1, () => {
        cancelSoon = undefined;
        settle();
      });
    },
    close() {
      isClosed = true;
      cancelTimer?.();
      cancelSoon?.();
    },
  };
}
