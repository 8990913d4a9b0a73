// Several jobs' updates as one stream of lines, in the order they come; ends when all have ended.

import type { JobUpdate } from '../ccm-service.ts';

export interface FollowedJob {
  /** Before every line; empty when there is only one. */
  readonly prefix: string;
  readonly updates: AsyncIterable<JobUpdate>;
}

export async function* joinLines(jobs: readonly FollowedJob[]): AsyncGenerator<string> {
  const iterators = jobs.map(({ prefix, updates }) => ({
    prefix,
    iterator: updates[Symbol.asyncIterator](),
  }));
  const next = new Map(iterators.map((entry) => [entry, advance(entry)]));
  try {
    while (next.size > 0) {
      const { entry, result } = await Promise.race(next.values());
      if (result.done === true) {
        next.delete(entry);
        continue;
      }
      next.set(entry, advance(entry));
      for (const line of result.value.text.split('\n')) yield `${entry.prefix}${line}`;
    }
  } finally {
    // The pusher went away: stop following; nothing is cancelled.
    for (const { iterator } of iterators) void iterator.return?.();
  }
}

type Entry = { readonly prefix: string; readonly iterator: AsyncIterator<JobUpdate> };

async function advance(entry: Entry): Promise<{ entry: Entry; result: IteratorResult<JobUpdate> }> {
  return { entry, result: await entry.iterator.next() };
}
