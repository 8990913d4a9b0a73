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
  const keepAlive = setInterval(() => options.response.write(keepAlivePacket), keepAliveMs);
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
      options.response.write(messagePacket(terminalLine(result.value)));
      keepAlive.refresh();
      next = iterator.next();
    }
  } catch (error) {
    logFailure(options, error);
    if (!options.client.aborted) {
      const line =
        'treecast: the push is stored, but what became of it is not known here: see treecast status.';
      options.response.write(messagePacket(line));
    }
  } finally {
    clearInterval(keepAlive);
  }
}

function logFailure(options: FollowPushOptions, error: unknown): void {
  options.logger.error({ push: options.push, error }, 'following a push failed');
}
