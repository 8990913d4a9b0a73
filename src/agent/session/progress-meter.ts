// LINK-19: what a node tells of a staging that goes on, at most five times a second, and nothing of one that is over sooner.

import type { AgentMessage } from '../../model/messages.ts';
import type { Clock } from '../../net/clock.ts';

export interface ProgressMeter {
  received(bytes: number): void;
  executed(commandsDone: number): void;
  /** Tells that work goes on although nothing can be counted, every 10 s, until the answer is called. */
  beat(clock: Pick<Clock, 'after'>): () => void;
}

const intervalMs = 200;
const beatMs = 10_000;

export interface ProgressMeterOptions {
  readonly site: string;
  readonly assignment: string;
  readonly now: () => number;
  readonly report: (message: Extract<AgentMessage, { readonly type: 'progress' }>) => void;
}

export function createProgressMeter({ site, assignment, now, report }: ProgressMeterOptions): ProgressMeter {
  let lastAt = now();
  let receivedBytes = 0;
  let commandsDone = 0;

  function tell(): void {
    const at = now();
    if (at - lastAt < intervalMs) return;
    lastAt = at;
    report({ type: 'progress', site, assignment, receivedBytes, commandsDone });
  }

  return {
    received(bytes) {
      receivedBytes += bytes;
      tell();
    },
    executed(done) {
      commandsDone = done;
      tell();
    },
    beat(clock) {
      let cancel = clock.after(beatMs, next);
      function next(): void {
        tell();
        cancel = clock.after(beatMs, next);
      }
      return () => cancel();
    },
  };
}
