// Sends the same datagram again and again, so many bytes a second for so long, in ticks of a millisecond. What a tick comes too late for is not made up
// for by sending faster: a limit is one at any time.

import { type Clock, delay } from '../../clock.ts';

export interface PacedOptions {
  readonly frame: Buffer;
  readonly bytesPerSecond: number;
  readonly lastsMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly send: (frame: Buffer) => void;
}

const tickMs = 1;
/** Of the time since the last tick, so much counts. */
const tickMaxMs = 10;

/** What was sent, and the rate that it came to. Never more than the rate for that long. */
export async function sendPaced({
  frame,
  bytesPerSecond,
  lastsMs,
  clock,
  signal,
  send,
}: PacedOptions): Promise<{ readonly datagrams: number; readonly bytesPerSecond: number }> {
  const perMs = bytesPerSecond / 1_000 / frame.length;
  const all = Math.max(1, Math.floor(perMs * lastsMs));
  const startedAt = clock.now();
  let sentAt = startedAt;
  let datagrams = 0;
  // An end that is too late is a machine that is too slow.
  while (datagrams < all && clock.now() - startedAt < 2 * lastsMs && !signal.aborted) {
    await delay(clock, tickMs, signal);
    const now = clock.now();
    const due = Math.min(all, Math.floor(perMs * (now - startedAt)));
    const burst = Math.max(1, Math.ceil(perMs * Math.min(now - sentAt, tickMaxMs)));
    sentAt = now;
    for (let left = Math.min(due - datagrams, burst); left > 0; left -= 1) {
      send(frame);
      datagrams += 1;
    }
  }
  const tookMs = Math.max(lastsMs, clock.now() - startedAt);
  return { datagrams, bytesPerSecond: (datagrams * frame.length * 1_000) / tookMs };
}
