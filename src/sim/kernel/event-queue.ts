// What happens when, in virtual time: a binary heap over parallel arrays, so that an event costs no object of its own.
// Events of the same instant happen in the order in which they were added. Knows nothing of nodes or networks.

/** Handlers are made once and shared; what they need comes back to them as subject and index. */
export type Happen<Subject> = (subject: Subject, index: number) => void;

export interface EventQueue {
  /** Milliseconds of virtual time. */
  now(): number;
  /** What lies in the past happens now. */
  add<Subject>(at: number, happen: Happen<Subject>, subject: Subject, index: number): void;
  /** Lets everything happen that is due up to and including `end`, and ends there; or behind so many events, wherever it is then. */
  runUntil(end: number, eventsMax?: number): void;
  /** Ends `runUntil` behind the event that asks for it. */
  stop(): void;
  /** Events that have happened. */
  count(): number;
}

export function createEventQueue(): EventQueue {
  const times: number[] = [];
  const orders: number[] = [];
  const handlers: Happen<never>[] = [];
  const subjects: unknown[] = [];
  const indexes: number[] = [];
  let size = 0;
  let now = 0;
  let added = 0;
  let happened = 0;
  let stopped = false;

  const isBefore = (time: number, order: number, other: number): boolean =>
    time < (times[other] as number) || (time === times[other] && order < (orders[other] as number));

  const move = (from: number, to: number): void => {
    times[to] = times[from] as number;
    orders[to] = orders[from] as number;
    handlers[to] = handlers[from] as Happen<never>;
    subjects[to] = subjects[from];
    indexes[to] = indexes[from] as number;
  };

  /** Moves the last event into the hole at the top. */
  const closeTop = (): void => {
    size -= 1;
    const time = times[size] as number;
    const order = orders[size] as number;
    let hole = 0;
    for (let child = 1; child < size; child = 2 * hole + 1) {
      if (child + 1 < size && isBefore(times[child + 1] as number, orders[child + 1] as number, child)) {
        child += 1;
      }
      if (isBefore(time, order, child)) break;
      move(child, hole);
      hole = child;
    }
    if (hole !== size) move(size, hole);
    subjects[size] = undefined;
  };

  return {
    now: () => now,
    add<Subject>(at: number, happen: Happen<Subject>, subject: Subject, index: number) {
      const time = at < now ? now : at;
      const order = added;
      added += 1;
      let hole = size;
      size += 1;
      while (hole > 0) {
        const parent = (hole - 1) >> 1;
        if (!isBefore(time, order, parent)) break;
        move(parent, hole);
        hole = parent;
      }
      times[hole] = time;
      orders[hole] = order;
      handlers[hole] = happen;
      subjects[hole] = subject;
      indexes[hole] = index;
    },
    runUntil(end, eventsMax = Number.POSITIVE_INFINITY) {
      stopped = false;
      const last = happened + eventsMax;
      while (size > 0 && (times[0] as number) <= end && !stopped) {
        now = times[0] as number;
        const happen = handlers[0] as Happen<unknown>;
        const subject = subjects[0];
        const index = indexes[0] as number;
        closeTop();
        happened += 1;
        happen(subject, index);
        if (happened >= last) stopped = true;
      }
      if (!stopped && now < end) now = end;
    },
    stop() {
      stopped = true;
    },
    count: () => happened,
  };
}
