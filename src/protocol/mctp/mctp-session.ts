// What one MCTP session carries and how it is cut: the parameters that its announcement names, and what follows from them alone. The object
// is the manifest, in blocks, followed by the assignment's blocks: one index space. Rules: docs/spec/mctp.md.

import { blockBytes } from '../../model/assignment.ts';

/** How missing frames are made good: by sending them again, or by parity frames of their block. */
export type MctpRepair = 'arq' | 'fec';

export interface MctpSession {
  /** Unsigned 32 bits, drawn by the sender; keys are the session's own, so it only tells sessions apart. */
  readonly session: number;
  /** Whose node sends, and hears statuses. */
  readonly sender: string;
  /** The assignment's id. */
  readonly assignment: string;
  readonly repair: MctpRepair;
  /** Bytes of the object in a full frame; see `framePayloadBytes`. */
  readonly framePayloadBytes: number;
  /** The parts of the object. In each all blocks are full but the last; a part may be empty. */
  readonly manifestBytes: number;
  readonly sealedBytes: number;
  readonly plainBytes: number;
  /** SHA-256 of each of the manifest's blocks, 64 hex digits; at most `manifestBlocksMax`. */
  readonly manifestHashes: readonly string[];
  /** How many nodes it is for: answers are spread by it. */
  readonly receivers: number;
}

/** A larger manifest is fetched over HTTPS, and the session has none. */
export const manifestBlocksMax = 16;
/** An object of at most so many bytes waits for nobody (R7.1). */
export const singleBytesMax = 8192;
/** Version, flags, session, block, sequence, pass, length, number and MAC of a frame. */
export const frameHeaderBytes = 28;
/** Data and parity frames of a block together: Reed–Solomon over GF(256). */
const blockFramesMax = 255;
const parityFramesMax = 161;

export interface MctpLayout {
  /** All blocks, the manifest's first. */
  readonly blocks: number;
  readonly manifestBlocks: number;
  readonly bytes: number;
  blockLength(block: number): number;
  /** Data frames of a block: their sequences are 0 to this less 1; its parity frames follow. */
  frames(block: number): number;
  /** How many parity frames the block may have. */
  parityMax(block: number): number;
  /** Payload of a frame: only the last data frame of a block is shorter than the others, and parity frames are as long as the first one. */
  payloadBytes(block: number, sequence: number): number;
}

export function createMctpLayout(session: MctpSession): MctpLayout {
  const { framePayloadBytes: full, manifestBytes, sealedBytes, plainBytes } = session;
  const manifestBlocks = Math.ceil(manifestBytes / blockBytes);
  const sealedEnd = manifestBlocks + Math.ceil(sealedBytes / blockBytes);
  const blocks = sealedEnd + Math.ceil(plainBytes / blockBytes);

  function blockLength(block: number): number {
    if (block < manifestBlocks) return Math.min(blockBytes, manifestBytes - block * blockBytes);
    if (block < sealedEnd) return Math.min(blockBytes, sealedBytes - (block - manifestBlocks) * blockBytes);
    return Math.min(blockBytes, plainBytes - (block - sealedEnd) * blockBytes);
  }
  const frames = (block: number): number => Math.ceil(blockLength(block) / full);

  return {
    blocks,
    manifestBlocks,
    bytes: manifestBytes + sealedBytes + plainBytes,
    blockLength,
    frames,
    parityMax: (block) => Math.max(0, Math.min(parityFramesMax, blockFramesMax - frames(block))),
    payloadBytes(block, sequence) {
      const length = blockLength(block);
      if (sequence >= Math.ceil(length / full)) return Math.min(full, length);
      return Math.min(full, length - sequence * full);
    },
  };
}

/** The payload of frames that fill a packet of `mtu` bytes: no larger than full blocks need for as few frames. */
export function framePayloadBytes(mtu: number, family: 'ipv4' | 'ipv6'): number {
  const room = mtu - (family === 'ipv4' ? 20 : 40) - 8 - frameHeaderBytes;
  return Math.ceil(blockBytes / Math.ceil(blockBytes / room));
}

/** Why nobody can take part in it; null: it is sound. What comes from outside is judged by this before anything is made of it. */
export function sessionProblem(session: MctpSession): string | null {
  const { manifestBytes, sealedBytes, plainBytes, manifestHashes } = session;
  for (const bytes of [manifestBytes, sealedBytes, plainBytes])
    if (!Number.isSafeInteger(bytes) || bytes < 0 || bytes > objectBytesMax) return 'a size is out of range';
  if (manifestHashes.length !== Math.ceil(manifestBytes / blockBytes))
    return 'its hashes are not those of its manifest';
  if (manifestHashes.length > manifestBlocksMax) return 'its manifest is too large';
  if (manifestBytes + sealedBytes + plainBytes === 0) return 'it carries nothing';
  const { framePayloadBytes: payload } = session;
  if (!Number.isInteger(payload) || payload < payloadBytesMin || payload > payloadBytesMax)
    return 'its frames are too small or too large';
  return null;
}

/** 4 GiB of payload, their tags, and a manifest. */
const objectBytesMax = 2 ** 32 + 2 ** 28;
/** 255 frames make a block at least. */
const payloadBytesMin = 576;
/** A jumbo frame's. */
const payloadBytesMax = 8972;
