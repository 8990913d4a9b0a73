// Runs one site's background work a piece at a time, gives way to the foreground at the next step, and starts again a little later.
// A piece that fails is left out until the next start, so that it keeps no other from running. Which work there is and in what order is
// maintenance.ts's.

import { TreecastError } from '../../model/treecast-error.ts';

export interface Piece {
  readonly name: string;
  /** Stops with ABORTED when asked to. */
  run(signal: AbortSignal): Promise<void>;
}

export interface Background {
  /** Runs `work` while no piece runs; the background goes on afterwards. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /** Resolves when there is nothing left to do; rejects with what made the first piece fail, when the others have run. */
  settle(): Promise<void>;
  /** Stops for good. */
  close(): Promise<void>;
}

/** How long the foreground is left alone before the background starts. */
const startDelayMs = 100;

export function createBackground(nextPiece: (without: ReadonlySet<string>) => Piece | undefined): Background {
  let stop = new AbortController();
  let running: Promise<void> | null = null;
  let timer: NodeJS.Timeout | undefined;
  let foreground = 0;
  let closed = false;
  let failure: { readonly error: unknown } | null = null;

  async function run(signal: AbortSignal): Promise<void> {
    failure = null;
    const failed = new Set<string>();
    const failedWith = (error: unknown): void => {
      if (!(error instanceof TreecastError && error.code === 'ABORTED')) failure ??= { error };
    };
    try {
      for (let piece = nextPiece(failed); piece && !signal.aborted; piece = nextPiece(failed)) {
        try {
          await piece.run(signal);
        } catch (error) {
          failedWith(error);
          failed.add(piece.name);
        }
      }
    } catch (error) {
      failedWith(error);
    }
  }

  function start(): Promise<void> {
    clearTimeout(timer);
    if (closed || foreground > 0) return Promise.resolve();
    stop = running ? stop : new AbortController();
    running ??= run(stop.signal).finally(() => {
      running = null;
    });
    return running;
  }

  async function hold(): Promise<void> {
    clearTimeout(timer);
    stop.abort();
    if (running) await running;
  }

  return {
    async exclusively(work) {
      foreground++;
      try {
        await hold();
        return await work();
      } finally {
        foreground--;
        clearTimeout(timer);
        if (!closed) timer = setTimeout(() => void start(), startDelayMs).unref();
      }
    },
    async settle() {
      await start();
      if (failure) throw failure.error;
    },
    async close() {
      closed = true;
      await hold();
    },
  };
}
