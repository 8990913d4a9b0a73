// CHAN-7: which counters of one sender's life have been taken. Each once; those far behind the newest not at all, since whether they
// were taken is not remembered.

export interface ReplayWindow {
  /** Takes it, unless it was taken or is too old. */
  take(counter: number): boolean;
  /** So far behind the newest that it is of another life, or very old. */
  isFarBehind(counter: number): boolean;
  /** What `take` would answer. */
  isFresh(counter: number): boolean;
}

/** UDP may bring datagrams in the wrong order, a node reads two sockets, and a claim waits while its sender introduces itself to many. */
const widthMax = 256;

/** Nothing up to `floor` counts; `newest` was taken. */
export function createReplayWindow({
  floor,
  newest,
}: {
  readonly floor: number;
  readonly newest: number;
}): ReplayWindow {
  let top = newest;
  const taken = new Set([newest]);
  const isFresh = (counter: number): boolean =>
    counter > floor && counter > top - widthMax && !taken.has(counter);
  return {
    isFarBehind: (counter) => counter <= top - widthMax,
    isFresh,
    take(counter) {
      if (!isFresh(counter)) return false;
      taken.add(counter);
      if (counter > top) {
        top = counter;
        for (const old of taken) if (old <= top - widthMax) taken.delete(old);
      }
      return true;
    },
  };
}
