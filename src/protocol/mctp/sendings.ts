// What had been sent when, for the last while: by number, coarsely.

import type { Instant } from '../machine.ts';

export interface Sendings {
  add(now: Instant, number: number): void;
  /** The last number that had been sent by then; 0: none, or that is too long ago. */
  before(at: Instant): number;
}

const entriesMax = 256;

export function createSendings(): Sendings {
  const sent: { readonly at: Instant; readonly number: number }[] = [];
  return {
    add(now, number) {
      sent.push({ at: now, number });
      if (sent.length > 2 * entriesMax) sent.splice(0, entriesMax);
    },
    before(at) {
      for (let index = sent.length - 1; index >= 0; index -= 1) {
        const entry = sent[index];
        if (entry !== undefined && entry.at <= at) return entry.number;
      }
      return 0;
    },
  };
}
