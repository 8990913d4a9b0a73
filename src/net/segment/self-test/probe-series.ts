// CHAN-16: a series of probes: short ones for loss, three long ones for what size gets through, and a short one that ends it. Which bits of an
// answer stand for what.

import { envelopeBytes } from '../wire/envelope.ts';
import type { DriverMessage } from '../wire/segment-message.ts';
import { datagramBytesMax, probeBytesMax } from '../wire/wire-limits.ts';

export type Probe = Extract<DriverMessage, { readonly type: 'probe' }>;

const shortProbes = 5;
/** UDP payloads: what always fits, what an MTU of 1,400 carries, what one of 1,500 does. */
const longBytes = [datagramBytesMax, 1_372, probeBytesMax] as const;
const headBytes = 8 + 1 + 2 + 2;
const last = shortProbes + longBytes.length;

export function probeSeries(nonce: string, oneIn: number): Probe[] {
  return Array.from({ length: last + 1 }, (_, sequence) => {
    const bytes = longBytes[sequence - shortProbes];
    return {
      type: 'probe',
      nonce,
      sequence,
      oneIn,
      paddingBytes: bytes === undefined ? 0 : bytes - envelopeBytes - headBytes,
    };
  });
}

/** Share of the short ones, from the first on that was heard: the other node may have come in the middle. */
export function shareHeard(bits: number): number {
  const short = [...Array(shortProbes).keys(), last];
  const since = short.findIndex((sequence) => hasBit(bits, sequence));
  if (since < 0) return 0;
  const counted = short.slice(since);
  return counted.filter((sequence) => hasBit(bits, sequence)).length / counted.length;
}

/** The longest that arrived; 0: none of the long ones. */
export function longestHeard(bits: number): number {
  return longBytes.findLast((_, index) => hasBit(bits, shortProbes + index)) ?? 0;
}

function hasBit(bits: number, index: number): boolean {
  return (bits >>> index) % 2 === 1;
}
