// CHAN-8: datagrams of senders that this node does not know, or not in this life of theirs, until they have introduced themselves. Bounded
// in every direction; says when to ask (again), and gives out what waited once the answer is there.

import { randomBytes } from 'node:crypto';
import type { SocketAddress } from './peer-book.ts';

export interface WaitingDatagram {
  /** Of the life that it says it is of. */
  readonly boot: number;
  readonly bytes: Buffer;
  readonly source: SocketAddress;
}

export interface WaitingRoom {
  /** The datagram waits. Resolves to the nonce to ask with, or undefined while an answer may still come. */
  hold(fingerprint: string, datagram: WaitingDatagram, askAgainMs: number): string | undefined;
  /** Senders that were asked more than once and have not answered, though they are still heard. */
  unanswered(): number;
  /** What waited for this answer; undefined when nobody asked. */
  answered(fingerprint: string, nonce: string): readonly WaitingDatagram[] | undefined;
}

interface Entry {
  readonly fingerprint: string;
  nonce: string;
  /** When the nonce was made; the same one is asked with again, so that a slow answer counts. */
  nonceAt: number;
  /** How often it was asked without an answer. */
  asks: number;
  askedAt: number;
  waiting: (WaitingDatagram & { readonly at: number })[];
}

const entriesMax = 256;
const waitingMax = 16;
/** An answer that takes longer is none, and what waited longer is no news. */
const answerMs = 5_000;
/** An answer is as fresh as its nonce. */
const nonceMs = 2 * answerMs;
/** Who does not answer is asked less and less often, down to this. */
const askAgainMaxMs = 2_000;

export function createWaitingRoom(options: {
  readonly now: () => number;
  /** How many datagrams were given up. */
  readonly onDropped: (count: number) => void;
}): WaitingRoom {
  const { now, onDropped } = options;
  /** By fingerprint and source: somebody who uses another's fingerprint does not stand in his way. The longest unused one first. */
  const entries = new Map<string, Entry>();

  function entryOf(fingerprint: string, { address, port }: SocketAddress): Entry {
    const key = `${fingerprint} ${address} ${port}`;
    const entry = entries.get(key) ?? {
      fingerprint,
      nonce: '',
      nonceAt: Number.NEGATIVE_INFINITY,
      asks: 0,
      askedAt: Number.NEGATIVE_INFINITY,
      waiting: [],
    };
    entries.delete(key);
    entries.set(key, entry);
    const [oldest] = entries;
    if (entries.size > entriesMax && oldest !== undefined) {
      entries.delete(oldest[0]);
      onDropped(oldest[1].waiting.length);
    }
    return entry;
  }

  return {
    hold(fingerprint, datagram, askAgainMs) {
      const at = now();
      const entry = entryOf(fingerprint, datagram.source);
      const before = entry.waiting.length + 1;
      entry.waiting = [...entry.waiting, { ...datagram, at }]
        .filter((held) => at - held.at <= answerMs)
        .slice(-waitingMax);
      if (before > entry.waiting.length) onDropped(before - entry.waiting.length);
      const waitMs = Math.max(askAgainMs, Math.min(askAgainMaxMs, askAgainMs * 2 ** (entry.asks - 1)));
      if (at - entry.askedAt < waitMs) return undefined;
      if (at - entry.nonceAt > answerMs) {
        entry.nonce = randomBytes(8).toString('hex');
        entry.nonceAt = at;
      }
      entry.asks += 1;
      entry.askedAt = at;
      return entry.nonce;
    },
    unanswered() {
      const from = now() - answerMs;
      return [...entries.values()].filter(({ asks, waiting }) => asks > 1 && (waiting.at(-1)?.at ?? 0) > from)
        .length;
    },
    answered(fingerprint, nonce) {
      for (const [key, entry] of entries) {
        if (entry.fingerprint !== fingerprint || entry.nonce !== nonce) continue;
        entries.delete(key);
        return now() - entry.nonceAt > nonceMs ? undefined : entry.waiting;
      }
      return undefined;
    },
  };
}
