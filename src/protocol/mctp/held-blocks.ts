// The blocks of which a receiver holds frames, and how much they may be (MCTP-21). Which frames, not the bytes: those are the driver's.

import type { Instant } from '../machine.ts';

export interface HeldBlock {
  readonly block: number;
  /** By sequence: 1 for a frame that is held. */
  readonly have: Uint8Array;
  held: number;
  dataHeld: number;
  /** The highest number among its frames. */
  lastNumber: number;
  /** When it was asked for last, how often, and as of which frame. */
  askedAt: Instant;
  asked: number;
  askedNumber: number;
}

export interface HeldBlocks {
  get(block: number): HeldBlock | undefined;
  /** In the order in which they began. */
  all(): Iterable<HeldBlock>;
  count(): number;
  begin(block: number): HeldBlock;
  remove(block: number): void;
  /** The one that is farthest ahead: it is the last to be needed. */
  farthest(): HeldBlock | undefined;
}

const framesMax = 256;

export function createHeldBlocks(): HeldBlocks {
  const blocks = new Map<number, HeldBlock>();
  return {
    get: (block) => blocks.get(block),
    all: () => blocks.values(),
    count: () => blocks.size,
    begin(block) {
      const held = {
        ...{ block, have: new Uint8Array(framesMax), held: 0, dataHeld: 0, lastNumber: 0 },
        ...{ askedAt: Number.NEGATIVE_INFINITY, asked: 0, askedNumber: 0 },
      };
      blocks.set(block, held);
      return held;
    },
    remove: (block) => void blocks.delete(block),
    farthest() {
      let found: HeldBlock | undefined;
      for (const held of blocks.values()) if (found === undefined || held.block > found.block) found = held;
      return found;
    },
  };
}

/** Data frames of the block that are not there. */
export function missingFrames({ have }: HeldBlock, frames: number): number[] {
  const missing: number[] = [];
  for (let sequence = 0; sequence < frames; sequence += 1) if (have[sequence] === 0) missing.push(sequence);
  return missing;
}
