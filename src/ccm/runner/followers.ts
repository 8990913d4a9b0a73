// Who waits for a job: pushers and `--wait`. Each hears every line from when it began to follow, the last one said before that,
// and something at least every 15 s.

import type { JobResource } from '../../model/api.ts';
import type { JobUpdate } from '../ccm-service.ts';

/** Below the 15 s promised (ARCHITECTURE §3.9), so that the line arrives in time. */
const keepAliveMsDefault = 14_000;
/** Between two progress lines. */
const progressMs = 1_000;
/** A follower that does not read is dropped beyond this many lines; the job is not affected. */
const linesMax = 1_000;
/** Jobs whose last words are kept, for those who ask just after the end. */
const rememberedMax = 500;

export interface Followers {
  /** Follows from now on. */
  follow(id: string): AsyncIterable<JobUpdate>;
  tell(id: string, text: string): void;
  end(id: string, text: string): void;
  /** The job's progress may have changed: a line a second at most. */
  progressed(id: string): void;
}

export interface FollowersOptions {
  /** The record of a job; throws when there is none. */
  readonly job: (id: string) => JobResource;
  readonly keepAliveMs?: number;
}

interface Follower {
  readonly queue: JobUpdate[];
  readonly wake: { call: (() => void) | null };
  done: boolean;
  saidAt: number;
  saidProgress: string;
  keepAlive: NodeJS.Timeout | undefined;
}

export function createFollowers({ job, keepAliveMs = keepAliveMsDefault }: FollowersOptions): Followers {
  const followers = new Map<string, Set<Follower>>();
  const lastLines = new Map<string, string>();

  function push(id: string, follower: Follower, update: JobUpdate): void {
    if (follower.done) return;
    follower.queue.push(update);
    follower.saidAt = performance.now();
    if (update.kind === 'end' || follower.queue.length > linesMax) follower.done = true;
    clearTimeout(follower.keepAlive);
    if (!follower.done) {
      // A CCM that has stopped waits for no follower.
      follower.keepAlive = setTimeout(
        () => push(id, follower, { kind: 'line', text: progressText(job(id)) }),
        keepAliveMs,
      ).unref();
    }
    follower.wake.call?.();
  }

  function leave(id: string, follower: Follower): void {
    clearTimeout(follower.keepAlive);
    follower.done = true;
    const set = followers.get(id);
    set?.delete(follower);
    if (set?.size === 0) followers.delete(id);
  }

  async function* read(id: string): AsyncGenerator<JobUpdate> {
    const follower = start(id);
    try {
      for (;;) {
        const update = follower.queue.shift();
        if (update !== undefined) {
          yield update;
          if (update.kind === 'end') return;
        } else if (follower.done) return;
        else {
          await new Promise<void>((resolve) => {
            follower.wake.call = resolve;
          });
          follower.wake.call = null;
        }
      }
    } finally {
      leave(id, follower);
    }
  }

  function start(id: string): Follower {
    const follower: Follower = {
      queue: [],
      wake: { call: null },
      done: false,
      saidAt: performance.now(),
      saidProgress: '',
      keepAlive: undefined,
    };
    const current = job(id);
    const lastLine = lastLines.get(id);
    if (current.endedAt !== null || current.phase === 'deferred') {
      push(id, follower, { kind: 'end', job: current, text: lastLine ?? endedText(current) });
      return follower;
    }
    const set = followers.get(id) ?? new Set();
    set.add(follower);
    followers.set(id, set);
    if (current.phase === 'queued')
      push(id, follower, { kind: 'line', text: lastLine ?? progressText(current) });
    else
      follower.keepAlive = setTimeout(
        () => push(id, follower, { kind: 'line', text: progressText(job(id)) }),
        keepAliveMs,
      ).unref();
    return follower;
  }

  function remember(id: string, text: string): void {
    lastLines.delete(id);
    lastLines.set(id, text);
    if (lastLines.size <= rememberedMax) return;
    const [oldest] = lastLines.keys();
    lastLines.delete(oldest as string);
  }

  return {
    follow: read,
    tell(id, text) {
      remember(id, text);
      for (const follower of followers.get(id) ?? []) push(id, follower, { kind: 'line', text });
    },
    end(id, text) {
      remember(id, text);
      const waiting = followers.get(id);
      if (waiting === undefined) return;
      const current = job(id);
      for (const follower of waiting) push(id, follower, { kind: 'end', job: current, text });
    },
    progressed(id) {
      for (const follower of followers.get(id) ?? []) {
        if (performance.now() - follower.saidAt < progressMs) continue;
        const text = progressText(job(id));
        if (text !== follower.saidProgress) push(id, follower, { kind: 'line', text });
        follower.saidProgress = text;
      }
    },
  };
}

/** `staging: held 3/20  staged 2/20`. */
function progressText(job: JobResource): string {
  const total = job.nodes.length;
  const count = (states: readonly string[]) => job.nodes.filter((node) => states.includes(node.state)).length;
  if (job.phase === 'staging') {
    return `staging: held ${count(['held', 'staged', 'live'])}/${total}  staged ${count(['staged', 'live'])}/${total}`;
  }
  if (job.phase === 'committing') return `switching: live ${count(['live'])}/${total}`;
  return `${job.phase} (job ${job.id})`;
}

function endedText(job: JobResource): string {
  return job.error === null
    ? `${job.phase} (job ${job.id})`
    : `${job.phase}: ${job.error.message} (job ${job.id})`;
}
