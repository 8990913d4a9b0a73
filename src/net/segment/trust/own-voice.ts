// What this node says, made datagrams: its certificate and key, its boot counter, a counter that goes up with each, and since when what it
// said is still news (CHAN-7, CHAN-8).

import { type KeyObject, sign, X509Certificate } from 'node:crypto';
import { fingerprintOf } from '../../tls/fingerprint.ts';
import { type Addressee, encodeDatagram } from '../wire/envelope.ts';
import type { SegmentMessage } from '../wire/segment-message.ts';

export interface VoiceIdentity {
  readonly key: KeyObject;
  /** PEM; what stands behind the first certificate is left out. */
  readonly certificate: string;
}

export interface OwnVoice {
  fingerprint(): string;
  /** DER. */
  certificate(): Uint8Array;
  /** The last counter that was used. */
  counter(): number;
  /** The counter of some seconds ago: what is above it is news. */
  since(): number;
  say(to: Addressee, message: SegmentMessage): Buffer;
}

/** What a node said longer ago than this is not taken by those that get to know it. */
const newsMs = 2_000;
const sampleMs = 250;

export function createOwnVoice(options: {
  /** Asked for each datagram: a renewed certificate is used from the next one on. */
  readonly identity: () => VoiceIdentity;
  readonly boot: number;
  readonly segment: () => string;
  readonly wantsUnicast: () => boolean;
  readonly now: () => number;
}): OwnVoice {
  const { boot, now } = options;
  let shown: { readonly pem: string; readonly der: Uint8Array; readonly fingerprint: string } | undefined;
  let counter = 0;
  /** The last counter of each quarter of a second in which something was said, and when that began; oldest first. */
  let samples: { readonly at: number; counter: number }[] = [];

  function current(): { readonly der: Uint8Array; readonly fingerprint: string } {
    const pem = options.identity().certificate;
    if (shown?.pem !== pem) {
      const der = new X509Certificate(pem).raw;
      shown = { pem, der, fingerprint: fingerprintOf(der) };
    }
    return shown;
  }

  function since(): number {
    const old = now() - newsMs;
    const first = samples.findLastIndex(({ at }) => at <= old);
    if (first > 0) samples = samples.slice(first);
    return first < 0 ? 0 : (samples[0]?.counter ?? 0);
  }

  return {
    fingerprint: () => current().fingerprint,
    certificate: () => current().der,
    counter: () => counter,
    since,
    say(to, message) {
      const at = now();
      counter += 1;
      const last = samples.at(-1);
      if (last !== undefined && at - last.at < sampleMs) last.counter = counter;
      else samples.push({ at, counter });
      since();
      const { fingerprint } = current();
      const envelope = {
        segment: options.segment(),
        fingerprint,
        boot,
        counter,
        wantsUnicast: options.wantsUnicast(),
      };
      return encodeDatagram(envelope, to, message, (bytes) => sign(null, bytes, options.identity().key));
    },
  };
}
