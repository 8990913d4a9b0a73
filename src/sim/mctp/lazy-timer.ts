// Calls a machine when its next timeout has come. Timeouts that move on while frames come in cost no event each.

import type { EventQueue } from '../kernel/event-queue.ts';

export interface LazyTimer {
  /** After everything that may have changed the machine's next timeout. */
  arm(): void;
}

export function createLazyTimer(
  queue: EventQueue,
  nextTimeout: () => number | undefined,
  fire: () => void,
): LazyTimer {
  let armedFor = Number.POSITIVE_INFINITY;

  function arm(): void {
    const at = nextTimeout();
    if (at === undefined || at === Number.POSITIVE_INFINITY || at >= armedFor) return;
    armedFor = Math.max(at, queue.now());
    queue.add(armedFor, come, armedFor, 0);
  }

  function come(armed: number): void {
    // A nearer one was armed meanwhile.
    if (armed !== armedFor) return;
    armedFor = Number.POSITIVE_INFINITY;
    const at = nextTimeout();
    if (at !== undefined && at <= queue.now()) fire();
    arm();
  }

  return { arm };
}
