// MCTP-79: digests of a block's data frames, signed by the sender's node: after a block was forged (by somebody with the session's key: no one else gets
// a frame in), a receiver keeps no other frames of it. Who asks for them, and when, is the machines'.

import { hash } from 'node:crypto';
import { digestsPerPart, frameDigestBytes, type MctpDigests } from '../../../protocol/mctp/mctp-messages.ts';
import type { MctpSession } from '../../../protocol/mctp/mctp-session.ts';

const label = Buffer.from('treecast-mctp-digests-1\0');

/** Of a whole block, in parts as they are sent. */
export function digestsOf(
  { session, framePayloadBytes }: MctpSession,
  block: number,
  bytes: Buffer,
): MctpDigests[] {
  const frames = Math.ceil(bytes.length / framePayloadBytes);
  const digests = Buffer.alloc(frames * frameDigestBytes);
  for (let sequence = 0; sequence < frames; sequence += 1) {
    const at = sequence * framePayloadBytes;
    digests.set(frameDigest(bytes.subarray(at, at + framePayloadBytes)), sequence * frameDigestBytes);
  }
  const parts: MctpDigests[] = [];
  for (let first = 0; first < frames; first += digestsPerPart) {
    const part = digests.subarray(first * frameDigestBytes, (first + digestsPerPart) * frameDigestBytes);
    parts.push({ type: 'digests', session, block, first, digests: part });
  }
  return parts;
}

/** What is signed: names the session and what it carries, so that no list of another one does. */
export function signedDigests(announcement: MctpSession, { block, first, digests }: MctpDigests): Buffer {
  const { session, sender, assignment, framePayloadBytes } = announcement;
  const place = Buffer.alloc(16);
  place.writeUInt32BE(session, 0);
  place.writeUInt32BE(framePayloadBytes, 4);
  place.writeUInt32BE(block, 8);
  place.writeUInt32BE(first, 12);
  const names = Buffer.from(`${sender}\0${assignment}\0`);
  return Buffer.concat([label, names, place, digests]);
}

export function frameDigest(payload: Uint8Array): Buffer {
  return hash('sha256', payload, 'buffer').subarray(0, frameDigestBytes);
}
