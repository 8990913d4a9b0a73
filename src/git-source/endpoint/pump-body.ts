// Moves a push from the client to Git, reading its head on the way. Bounded: what Git no longer takes (it refused the pack) is read and
// dropped up to a limit, so that the client gets to read the answer.

import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { PacketError } from './pkt-line.ts';
import type { PushRequestReader } from './push-request.ts';

const idleMs = 120_000;

/** Rejects when the client goes away, stalls, or sends what is not a push. */
export async function pumpBody(
  body: Readable,
  git: Writable,
  head: PushRequestReader,
  maxInputBytes: number,
): Promise<void> {
  let droppedBytes = 0;
  const idle = setTimeout(
    () => body.destroy(new PacketError('the client sent nothing for two minutes')),
    idleMs,
  );
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      idle.refresh();
      head.read(chunk);
      if (git.destroyed || git.writableEnded) {
        droppedBytes += chunk.length;
        if (droppedBytes > maxInputBytes) throw new PacketError('the push goes on after it was refused');
      } else if (!git.write(chunk)) {
        await drained(git, idle);
      }
    }
  } finally {
    clearTimeout(idle);
    if (!git.destroyed) git.end();
  }
}

async function drained(git: Writable, idle: NodeJS.Timeout): Promise<void> {
  const waiting = new AbortController();
  const { signal } = waiting;
  await Promise.race([once(git, 'drain', { signal }), once(git, 'close', { signal })]).catch(() => {});
  waiting.abort();
  idle.refresh();
}
