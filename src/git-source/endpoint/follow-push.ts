// After the refs moved: the authority's lines go to the pusher's terminal one by one, as they come, with Git's own keep-alive
// packets in between. A pusher that goes away ends the listening, nothing else.

import type { ServerResponse } from 'node:http';
import { terminalLine } from '../terminal-line.ts';
import type { GitEndpointLogger } from './git-endpoint.ts';
import { keepAlivePacket, messagePacket } from './pkt-line.ts';

export interface FollowPushOptions {
  readonly lines: AsyncIterable<string>;
  readonly response: ServerResponse;
  readonly hasSideband: boolean;
  /** Aborted when the client has gone away. */
  readonly client: AbortSignal;
  readonly logger: GitEndpointLogger;
  readonly push: string;
}

const keepAliveMs = 5_000;

/**
 * Resolves when the pusher need not wait any longer; never rejects. The authority is always asked for its first line, also when
 * nobody will read it: that is how it learns that the refs moved.
 */
export async function followPush(options: FollowPushOptions): Promise<void> {
  const iterator = options.lines[Symbol.asyncIterator]();
  const first = iterator.next();
  const leave = () => {
    iterator.return?.().catch(() => {});
  };
  if (!options.hasSideband || options.client.aborted) {
    first.then(leave, (error: unknown) => logFailure(options, error));
    return;
  }
  const { promise: gone, resolve } = Promise.withResolvers<'gone'>();
  options.client.addEventListener('abort', () => resolve('gone'), { once: true });
  const { response } = options;
  const keepAlive = setInterval(() => {
    if (!response.writableNeedDrain) response.write(keepAlivePacket);
  }, keepAliveMs);
  try {
    let next = first;
    for (;;) {
      const result = await Promise.race([next, gone]);
      if (result === 'gone') {
        next.catch((error: unknown) => logFailure(options, error));
        leave();
        return;
      }
      if (result.done) return;
      // Who does not read is waited for, and nothing piles up; the server's limit for silent connections ends it.
      if (!response.write(messagePacket(terminalLine(result.value))))
        await Promise.race([new Promise((resolve) => response.once('drain', resolve)), gone]);
      keepAlive.refresh();
      next = iterator.next();
    }
  } catch (error) {
    logFailure(options, error);
    if (!options.client.aborted) {
      const line =
        'treecast: the push is stored, but what became of it is not known here: see treecast status.';
      response.write(messagePacket(line));
    }
  } finally {
    clearInterval(keepAlive);
  }
}

function logFailure(options: FollowPushOptions, error: unknown): void {
  options.logger.error({ push: options.push, err: error }, 'following a push failed');
}
