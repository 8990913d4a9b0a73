// Work that must not overlap: one thing after another in a lane, lanes side by side.

export interface Lanes {
  /** Runs when all work of the lane before it has ended, however it ended. */
  run<T>(lane: string, work: () => Promise<T>): Promise<T>;
  isBusy(lane: string): boolean;
  /** Resolves when all work that there is now has ended. */
  idle(): Promise<void>;
}

export function createLanes(): Lanes {
  const last = new Map<string, Promise<void>>();
  return {
    run(lane, work) {
      const done = (last.get(lane) ?? Promise.resolve()).then(work);
      const ended = done
        .then(
          () => undefined,
          () => undefined,
        )
        .then(() => {
          if (last.get(lane) === ended) last.delete(lane);
        });
      last.set(lane, ended);
      return done;
    },
    isBusy: (lane) => last.has(lane),
    async idle() {
      await Promise.all(last.values());
    },
  };
}
