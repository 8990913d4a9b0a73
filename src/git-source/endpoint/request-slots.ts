// How many Git processes run for clients at a time, and that no token and no repository takes more than half of them. Who finds none free
// waits in order, for a bounded time and among boundedly many; then it is told to come back.

import { TreecastError } from '../../model/treecast-error.ts';

export interface RequestSlots {
  /** Resolves to what gives the slot back. Throws RATE_LIMITED; ABORTED when the client went away first. */
  take(keys: readonly string[], gone: AbortSignal): Promise<() => void>;
}

export interface RequestSlotsOptions {
  readonly slotsMax: number;
  readonly waitMs: number;
}

interface Waiting {
  readonly keys: readonly string[];
  readonly start: () => void;
}

const waitingMax = 256;

export function createRequestSlots({ slotsMax, waitMs }: RequestSlotsOptions): RequestSlots {
  const shareMax = Math.ceil(slotsMax / 2);
  const taken = new Map<string, number>();
  const queue = new Set<Waiting>();
  let inUse = 0;

  const fits = (keys: readonly string[]) =>
    inUse < slotsMax && keys.every((key) => (taken.get(key) ?? 0) < shareMax);

  function count(keys: readonly string[], by: 1 | -1): void {
    inUse += by;
    for (const key of keys) {
      const next = (taken.get(key) ?? 0) + by;
      if (next === 0) taken.delete(key);
      else taken.set(key, next);
    }
  }

  function occupy(keys: readonly string[]): () => void {
    count(keys, 1);
    let isFree = false;
    return () => {
      if (isFree) return;
      isFree = true;
      count(keys, -1);
      for (const waiting of queue) if (fits(waiting.keys)) waiting.start();
    };
  }

  return {
    async take(keys, gone) {
      if (fits(keys)) return occupy(keys);
      if (queue.size >= waitingMax) throw busy();
      return new Promise((resolve, reject) => {
        const leave = (error: TreecastError): void => {
          end();
          reject(error);
        };
        const abandoned = () => leave(new TreecastError('ABORTED', 'The client went away.'));
        const timer = setTimeout(() => leave(busy()), waitMs);
        const waiting: Waiting = {
          keys,
          start() {
            end();
            resolve(occupy(keys));
          },
        };
        const end = (): void => {
          clearTimeout(timer);
          queue.delete(waiting);
          gone.removeEventListener('abort', abandoned);
        };
        queue.add(waiting);
        gone.addEventListener('abort', abandoned);
      });
    },
  };
}

function busy(): TreecastError {
  return new TreecastError('RATE_LIMITED', 'Too many pushes and fetches at this moment.', {
    fix: 'Try again in some seconds.',
  });
}
