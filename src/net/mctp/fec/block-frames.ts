// How a block is cut into frames (MCTP-62): how many there are, how long each one is, and how many parity frames there can be. Decides nothing about when they are sent.

import { blockBytes as blockBytesMax } from '../../../model/assignment.ts';

/** Ethernet's largest frames. */
export const frameBytesMax = 9216;
/** Data and parity frames of one block. */
export const codeFramesMax = 255;

export interface BlockFrames {
  readonly dataFrames: number;
  /** Parity frames are numbered from 0; these are as many as there can be. */
  readonly parityFramesMax: number;
  readonly lastDataBytes: number;
  /** The length of every parity frame: of the longest data frame. */
  readonly parityBytes: number;
}

/** Null when no such block can be cut so that parity frames can be made: empty or larger than 128 KiB, or in 255 frames or more. */
export function blockFrames(blockBytes: number, frameBytes: number): BlockFrames | null {
  if (!isCount(blockBytes, blockBytesMax) || !isCount(frameBytes, frameBytesMax)) return null;
  const dataFrames = Math.ceil(blockBytes / frameBytes);
  if (dataFrames >= codeFramesMax) return null;
  return {
    dataFrames,
    parityFramesMax: codeFramesMax - dataFrames,
    lastDataBytes: blockBytes - (dataFrames - 1) * frameBytes,
    parityBytes: Math.min(blockBytes, frameBytes),
  };
}

function isCount(value: number, most: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= most;
}
