// Runs long synchronous work in slices, so that whatever else the process does (serving, links, other sites) goes on meanwhile.
// Decides only when to let go of the event loop, never what the work is.

import { TreecastError } from '../model/treecast-error.ts';

/** Work in steps: each `yield` is a place where it may be interrupted. */
export type Steps<T = void> = Generator<undefined, T, undefined>;

/** How long one slice may hold the event loop. */
const sliceMs = 8;

/** Call `pause()` between steps; it lets go of the event loop when the slice is used up, and throws ABORTED when asked to stop. */
export interface Slices {
  /** True when it is time to await {@link pause}. */
  due(): boolean;
  pause(): Promise<void>;
}

export function createSlices(signal?: AbortSignal): Slices {
  let end = performance.now() + sliceMs;
  return {
    due: () => performance.now() >= end,
    async pause() {
      await nextTurn();
      throwIfAborted(signal);
      end = performance.now() + sliceMs;
    },
  };
}

export async function runInSlices<T>(steps: Steps<T>, signal?: AbortSignal): Promise<T> {
  const slices = createSlices(signal);
  try {
    throwIfAborted(signal);
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
      if (slices.due()) await slices.pause();
    }
  } finally {
    steps.return(undefined as never);
  }
}

/** Where nothing else waits. */
export function runAtOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** One slice of `steps`; undefined when there is more to do. */
export function runOneSlice<T>(steps: Steps<T>): { readonly value: T } | undefined {
  const end = performance.now() + sliceMs;
  do {
    const step = steps.next();
    if (step.done) return { value: step.value };
  } while (performance.now() < end);
  return undefined;
}

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new TreecastError('ABORTED', 'the work was aborted', {
    cause: signal.reason,
    fix: 'Nothing to do: what was begun is undone.',
  });
}
