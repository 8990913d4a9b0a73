// Who waits for a job: pushers and `--wait`. Each hears every line from when it began to follow, and something at least every 15 s.

import type { JobResource } from '../../model/api.ts';
import type { JobUpdate } from '../ccm-service.ts';

/** A follower that does not read is dropped beyond this many lines; the job is not affected. */
const linesMax = 1_000;

export interface Followers {
  /** Follows from now on. `job` gives the record at any time; undefined when there is none. */
  follow(id: string): AsyncIterable<JobUpdate>;
  tell(id: string, text: string): void;
  end(id: string, text: string): void;
  /** The job's progress may have changed: a line a second at most. */
  progressed(id: string): void;
}

export interface FollowersOptions {
  readonly job: (id: string) => JobResource;
  /** The last words of a job that ended before it was followed. */
  readonly keepAliveMs?: number;
}

interface Follower {
  readonly queue: JobUpdate[];
  wake: (() => void) | null;
  done: boolean;
  saidAt: number;
  saidProgress: string;
}

export function createFollowers({ job, keepAliveMs = 15_000 }: FollowersOptions): Followers {
  const followers = new Map<string, Set<Follower>>();
  const lastWords = new Map<string, string>();

  function push(follower: Follower, update: JobUpdate): void {
    if (follower.done) return;
    follower.queue.push(update);
    follower.saidAt = performance.now();
    if (update.kind === 'end' || follower.queue.length > linesMax) follower.done = true;
    follower.wake?.();
  }

  async function* read(id: string, follower: Follower): AsyncGenerator<JobUpdate> {
    const timer = setInterval(() => {
      if (performance.now() - follower.saidAt >= keepAliveMs)
        push(follower, { kind: 'line', text: progressText(job(id)) });
    }, keepAliveMs / 3);
    try {
      for (;;) {
        const update = follower.queue.shift();
        if (update !== undefined) {
          yield update;
          if (update.kind === 'end') return;
        } else if (follower.done) return;
        else {
          await new Promise<void>((resolve) => {
            follower.wake = resolve;
          });
          follower.wake = null;
        }
      }
    } finally {
      clearInterval(timer);
      follower.done = true;
      followers.get(id)?.delete(follower);
      if (followers.get(id)?.size === 0) followers.delete(id);
    }
  }

  return {
    follow(id) {
      const follower: Follower = {
        queue: [],
        wake: null,
        done: false,
        saidAt: performance.now(),
        saidProgress: '',
      };
      const current = job(id);
      const said = lastWords.get(id);
      const hasEnded = current.endedAt !== null || current.phase === 'deferred';
      if (hasEnded) push(follower, { kind: 'end', job: current, text: said ?? endedText(current) });
      else {
        const set = followers.get(id) ?? new Set();
        set.add(follower);
        if (current.phase === 'queued')
          push(follower, { kind: 'line', text: `queued behind what runs now (job ${id})` });
        followers.set(id, set);
      }
      return read(id, follower);
    },
    tell(id, text) {
      for (const follower of followers.get(id) ?? []) push(follower, { kind: 'line', text });
    },
    end(id, text) {
      remember(lastWords, id, text);
      const current = job(id);
      for (const follower of followers.get(id) ?? []) push(follower, { kind: 'end', job: current, text });
    },
    progressed(id) {
      const set = followers.get(id);
      if (set === undefined) return;
      for (const follower of set) {
        if (performance.now() - follower.saidAt < 1_000) continue;
        const text = progressText(job(id));
        if (text !== follower.saidProgress) push(follower, { kind: 'line', text });
        follower.saidProgress = text;
      }
    },
  };
}

/** The newest few hundred jobs' last words, for those who ask just after the end. */
function remember(lastWords: Map<string, string>, id: string, text: string): void {
  lastWords.set(id, text);
  if (lastWords.size <= 500) return;
  const [oldest] = lastWords.keys();
  lastWords.delete(oldest as string);
}

/** `staging: held 3/20  staged 2/20`. */
function progressText(job: JobResource): string {
  const total = job.nodes.length;
  const count = (states: readonly string[]) => job.nodes.filter((node) => states.includes(node.state)).length;
  if (job.phase === 'staging')
    return `staging: held ${count(['held', 'staged', 'live'])}/${total}  staged ${count(['staged', 'live'])}/${total}`;
  if (job.phase === 'committing') return `switching: live ${count(['live'])}/${total}`;
  return `${job.phase} (job ${job.id})`;
}

function endedText(job: JobResource): string {
  return job.error === null
    ? `${job.phase} (job ${job.id})`
    : `${job.phase}: ${job.error.message} (job ${job.id})`;
}
