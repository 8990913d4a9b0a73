// Which block is sent next for the first time: in order, those that can be read already (cut-through) and that somebody needs (MCTP-23).

import type { BlockRange } from './mctp-messages.ts';
import type { MctpRules } from './mctp-rules.ts';

export interface FreshBlocks {
  available(range: BlockRange): void;
  /** What each of those that take part lacks, all anew. */
  needed(lacks: readonly (readonly BlockRange[])[]): void;
  /** Undefined: none can be sent now. */
  next(): number | undefined;
  take(block: number): void;
  /** All that is needed has been sent. */
  isDone(): boolean;
  /** All blocks below were sent, or are needed by nobody. */
  upTo(): number;
  sent(): number;
}

export function createFreshBlocks(blocks: number, rules: MctpRules): FreshBlocks {
  const isAvailable = new Uint8Array(blocks);
  const isSent = new Uint8Array(blocks);
  const needing = new Uint32Array(blocks);
  let settled = 0;
  let sent = 0;

  const isSettled = (block: number): boolean =>
    isSent[block] === 1 || !rules.isNeeded(needing[block] as number);

  function settle(): number {
    while (settled < blocks && isSettled(settled)) settled += 1;
    return settled;
  }

  return {
    available: ({ from, to }) => void isAvailable.fill(1, from, to),
    needed(lacks) {
      // Each range adds one where it begins and takes it away where it ends.
      const steps = new Int32Array(blocks + 1);
      for (const { from, to } of lacks.flat()) {
        steps[from] = (steps[from] as number) + 1;
        steps[to] = (steps[to] as number) - 1;
      }
      let sum = 0;
      for (let block = 0; block < blocks; block += 1) {
        sum += steps[block] as number;
        needing[block] = sum;
      }
      settled = 0;
    },
    next() {
      for (let block = settle(); block < blocks; block += 1)
        if (isAvailable[block] === 1 && !isSettled(block)) return block;
      return undefined;
    },
    take(block) {
      isSent[block] = 1;
      sent += 1;
    },
    isDone: () => settle() === blocks,
    upTo: settle,
    sent: () => sent,
  };
}
