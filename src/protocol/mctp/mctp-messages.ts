// What sender and receivers of a session tell each other beside the announcement (mctp-session.ts). How it becomes bytes, and whom one believes,
// is the driver's: frames, requests and digests go to the group, the rest to one node. Rules: docs/spec/mctp.md.

import type { Asked } from '../reports/report-message.ts';

/** What a driver puts in front of a frame's payload, beside version, length and MAC. */
export interface MctpFrame {
  readonly block: number;
  /** Data frames from 0, then parity frames. */
  readonly sequence: number;
  /** How often this block had been sent, or repaired, before; stays at 255. */
  readonly pass: number;
  /** Counts all frames of the session from 1, in the order in which they are sent; unsigned 32 bits. What is missing in it was lost. */
  readonly number: number;
  /** The last one of its block in this pass. */
  readonly isLast: boolean;
}

/** Blocks from `from` up to, not including, `to`. */
export interface BlockRange {
  readonly from: number;
  readonly to: number;
}

/** A block of which some frames are there. */
export interface BlockMissing {
  readonly block: number;
  /** So many more frames complete it; any of its frames, where parity repairs it. */
  readonly lacks: number;
  /** Which data frames are missing, by `encodeFrameSet`; null where the number is enough. */
  readonly frames: Uint8Array | null;
}

export interface MctpStatus {
  readonly type: 'status';
  readonly session: number;
  /** The request that it answers; 0: it was not asked. */
  readonly round: number;
  /** `complete`: everything is there, verified and durable. `failed`: it takes no more, see `reason`. `gone`: it takes part no longer. */
  readonly state: 'receiving' | 'complete' | 'failed' | 'gone';
  /** A short word; empty unless it failed. */
  readonly reason: string;
  /** The highest frame number that it knows to have been sent. Frames above are not missed yet. */
  readonly asOf: number;
  /** Different frames heard since it joined, of whatever block. */
  readonly heard: number;
  readonly missing: readonly BlockMissing[];
  /** Blocks of which it has nothing, and is asking for. */
  readonly absent: readonly BlockRange[];
  /** Blocks whose hash was wrong: it takes their frames by a list of digests alone. */
  readonly forged: readonly number[];
}

export interface MctpStatusRequest {
  readonly type: 'status-request';
  readonly session: number;
  readonly round: number;
  readonly asked: Asked;
  readonly spreadMs: number;
  /** The last frame's number. */
  readonly number: number;
  /** All blocks below have been sent, or are needed by nobody. */
  readonly upTo: number;
}

/** Digests of data frames of one block, signed by the sender's node: others are not its frames. A block's list may come in parts. */
export interface MctpDigests {
  readonly type: 'digests';
  readonly session: number;
  readonly block: number;
  /** The sequence of the first. */
  readonly first: number;
  /** `frameDigestBytes` each. */
  readonly digests: Uint8Array;
}

/** To one receiver: what it is to fetch from the sender by unicast from now on; null: all that it still lacks, and the session is over for it. */
export interface MctpFetch {
  readonly type: 'fetch';
  readonly session: number;
  readonly blocks: readonly BlockRange[] | null;
}

/** To one receiver: nothing more is sent to it, and nothing more expected. */
export interface MctpEnd {
  readonly type: 'end';
  readonly session: number;
}

export type MctpReceiverMessage = MctpStatus;
export type MctpSenderMessage = MctpStatusRequest | MctpFetch | MctpEnd;
export type MctpMessage = MctpReceiverMessage | MctpSenderMessage | MctpDigests;

/** The first bytes of a frame payload's SHA-256. */
export const frameDigestBytes = 16;
/** Digests in one datagram. */
export const digestsPerPart = 60;
/** A status, as the driver writes it, takes at most so many bytes; a receiver that has more to say says several. */
export const statusBytesMax = 1100;

/** Upper bounds of what the driver's encoding takes. */
const statusHeadBytes = 64;
const blockHeadBytes = 5;
const rangeBytes = 8;

export function statusBytes(status: MctpStatus): number {
  const { missing, absent, forged, reason } = status;
  let bytes = statusHeadBytes + reason.length + rangeBytes * absent.length + 4 * forged.length;
  for (const block of missing) bytes += blockMissingBytes(block);
  return bytes;
}

export function blockMissingBytes({ frames }: BlockMissing): number {
  return blockHeadBytes + (frames === null ? 0 : frames.length + 1);
}

/**
 * Sequences below `frames`, ascending, in as few bytes as either way takes: a bitmap, low bit first, or one byte each. Which it is follows from
 * the length, since a list is only used when it is shorter than the bitmap.
 */
export function encodeFrameSet(sequences: readonly number[], frames: number): Uint8Array {
  const bitmapBytes = Math.ceil(frames / 8);
  if (sequences.length < bitmapBytes) return Uint8Array.from(sequences);
  const bitmap = new Uint8Array(bitmapBytes);
  for (const sequence of sequences) {
    const at = sequence >> 3;
    bitmap[at] = (bitmap[at] as number) | (1 << (sequence & 7));
  }
  return bitmap;
}

/** Sequences that are no frame of the block are left out; undefined: that is no set of so many frames. */
export function decodeFrameSet(bytes: Uint8Array, frames: number): number[] | undefined {
  const bitmapBytes = Math.ceil(frames / 8);
  if (bytes.length > bitmapBytes) return undefined;
  if (bytes.length < bitmapBytes) return [...bytes].filter((sequence) => sequence < frames);
  const sequences: number[] = [];
  for (let sequence = 0; sequence < frames; sequence += 1)
    if (((bytes[sequence >> 3] as number) & (1 << (sequence & 7))) !== 0) sequences.push(sequence);
  return sequences;
}
