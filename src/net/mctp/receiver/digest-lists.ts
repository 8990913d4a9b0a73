// Signed digests as a receiver has them, for blocks that were forged, and no others: so nobody makes it verify signatures or keep lists for nothing. Of
// a few such blocks it keeps the bytes meanwhile, since most of their frames may be right.

import { frameDigestBytes, type MctpDigests } from '../../../protocol/mctp/mctp-messages.ts';
import type { MctpLayout } from '../../../protocol/mctp/mctp-session.ts';
import { frameDigest } from '../wire/frame-digests.ts';

export interface DigestLists {
  /** The block was forged: its list is taken when it comes. `bytes`: what was held of it; false: they are not kept. */
  want(block: number, bytes: Buffer | undefined): boolean;
  /** `whole`: with it the block's list is. `isSigned` is asked only where the part is wanted. */
  add(part: MctpDigests, isSigned: () => boolean): 'whole' | 'taken' | 'refused';
  /** What was kept of the block, and which of its frames are right. Once. */
  kept(block: number): { readonly bytes: Buffer; readonly sequences: readonly number[] } | undefined;
  /** Whether this may be a frame of its block: always, as long as the block has no whole list. */
  admits(block: number, sequence: number, payload: Uint8Array): boolean;
  /** What was kept of it is given back. */
  forget(block: number): Buffer | undefined;
}

interface List {
  readonly digests: Buffer;
  readonly present: Uint8Array;
  isWhole: boolean;
  bytes: Buffer | undefined;
}

/** 2 MiB. */
const keptBlocksMax = 16;

export function createDigestLists(layout: MctpLayout, frameBytes: number): DigestLists {
  const lists = new Map<number, List>();
  let keptBlocks = 0;

  function letGo(list: List): Buffer | undefined {
    const { bytes } = list;
    if (bytes !== undefined) keptBlocks -= 1;
    list.bytes = undefined;
    return bytes;
  }

  function isDigest(list: List, sequence: number, payload: Uint8Array): boolean {
    const at = sequence * frameDigestBytes;
    const digest = list.digests.subarray(at, at + frameDigestBytes);
    return digest.length > 0 && frameDigest(payload).equals(digest);
  }

  return {
    want(block, bytes) {
      const isKept = bytes !== undefined && keptBlocks < keptBlocksMax && !lists.has(block);
      if (isKept) keptBlocks += 1;
      if (lists.has(block)) return false;
      const frames = layout.frames(block);
      lists.set(block, {
        digests: Buffer.alloc(frames * frameDigestBytes),
        present: new Uint8Array(frames),
        isWhole: false,
        bytes: isKept ? bytes : undefined,
      });
      return isKept;
    },
    add({ block, first, digests }, isSigned) {
      const list = lists.get(block);
      if (list === undefined || list.isWhole) return 'refused';
      const end = first + digests.length / frameDigestBytes;
      const isKnown = list.present.subarray(first, end).every((there) => there === 1);
      if (end > list.present.length || isKnown || !isSigned()) return 'refused';
      list.digests.set(digests, first * frameDigestBytes);
      list.present.fill(1, first, end);
      list.isWhole = list.present.every((there) => there === 1);
      return list.isWhole ? 'whole' : 'taken';
    },
    kept(block) {
      const list = lists.get(block);
      const bytes = list && letGo(list);
      if (list === undefined || bytes === undefined) return undefined;
      const sequences: number[] = [];
      for (const sequence of list.present.keys()) {
        const at = sequence * frameBytes;
        const payload = bytes.subarray(at, at + frameBytes);
        if (isDigest(list, sequence, payload)) sequences.push(sequence);
      }
      return { bytes, sequences };
    },
    admits(block, sequence, payload) {
      const list = lists.get(block);
      return list === undefined || !list.isWhole || isDigest(list, sequence, payload);
    },
    forget(block) {
      const list = lists.get(block);
      lists.delete(block);
      return list && letGo(list);
    },
  };
}
