// Operators that wait for a leader's report.

import { TreecastError } from '../../model/treecast-error.ts';
import { type Clock, delay } from '../../net/clock.ts';

export interface SegmentAsking {
  /** Resolves with the next report that answers an operator. Throws DEFERRED when none comes. */
  wait(segment: string, name: string, signal: AbortSignal): Promise<void>;
  answered(segment: string): void;
}

const answerMs = 5_000;

export function createSegmentAsking(clock: Clock): SegmentAsking {
  const waiting = new Map<string, Set<() => void>>();

  return {
    async wait(segment, name, signal) {
      const done = new AbortController();
      const all = waiting.get(segment) ?? new Set();
      waiting.set(segment, all);
      let isAnswered = false;
      const answered = (): void => {
        isAnswered = true;
        done.abort();
      };
      all.add(answered);
      await delay(clock, answerMs, AbortSignal.any([signal, done.signal]));
      all.delete(answered);
      if (all.size === 0) waiting.delete(segment);
      if (isAnswered || signal.aborted) return;
      throw new TreecastError('DEFERRED', `The leader of segment ${name} did not report in time.`, {
        fix: 'Ask again; if it stays so, look at the agent on the leader.',
      });
    },
    answered(segment) {
      for (const answered of waiting.get(segment) ?? []) answered();
    },
  };
}
