// Moves a push from the client to Git, reading its head on the way. Bounded: what Git no longer takes (it refused the pack) is read and
// dropped up to a limit, so that the client gets to read the answer; a client has to bring something, however slowly.

import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { PacketError } from './pkt-line.ts';
import type { PushRequestReader } from './push-request.ts';

/** So many bytes at least in so long a time, while it is the client that is waited for: who drips holds a place for nothing. */
export interface Patience {
  readonly ms: number;
  readonly bytes: number;
}

export const patienceDefault: Patience = { ms: 120_000, bytes: 4_096 };

export interface PumpBodyOptions {
  readonly body: Readable;
  readonly git: Writable;
  readonly head: PushRequestReader;
  readonly maxInputBytes: number;
  readonly patience: Patience;
}

/** Rejects when the client goes away, stalls, or sends what is not a push. */
export async function pumpBody({ body, git, head, maxInputBytes, patience }: PumpBodyOptions): Promise<void> {
  let droppedBytes = 0;
  let broughtBytes = 0;
  let isGitBusy = false;
  const check = setInterval(() => {
    if (!isGitBusy && broughtBytes < patience.bytes)
      body.destroy(new PacketError('the client sends next to nothing'));
    broughtBytes = 0;
  }, patience.ms);
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      broughtBytes += chunk.length;
      head.read(chunk);
      if (git.destroyed || git.writableEnded) {
        droppedBytes += chunk.length;
        if (droppedBytes > maxInputBytes) throw new PacketError('the push goes on after it was refused');
      } else if (!git.write(chunk)) {
        isGitBusy = true;
        await drained(git);
        isGitBusy = false;
        check.refresh();
      }
    }
  } finally {
    clearInterval(check);
    if (!git.destroyed) git.end();
  }
}

async function drained(git: Writable): Promise<void> {
  const waiting = new AbortController();
  const { signal } = waiting;
  await Promise.race([once(git, 'drain', { signal }), once(git, 'close', { signal })]).catch(() => {});
  waiting.abort();
}
