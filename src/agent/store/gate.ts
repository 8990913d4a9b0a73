// Lets a bounded number of things happen at once; the rest wait their turn.

export interface Gate {
  enter(): Promise<void>;
  /** Enters only when there is room now. */
  tryEnter(): boolean;
  /** Leaves when the work ends, however it ends. */
  leaveAfter<T>(work: Promise<T>): Promise<T>;
}

export function createGate(capacity: number): Gate {
  let inside = 0;
  const waiting: (() => void)[] = [];

  function leave(): void {
    const next = waiting.shift();
    if (next) next();
    else inside--;
  }

  return {
    async enter() {
      if (inside < capacity) inside++;
      else await new Promise<void>((resolve) => waiting.push(resolve));
    },
    tryEnter() {
      if (inside >= capacity) return false;
      inside++;
      return true;
    },
    leaveAfter(work) {
      return work.finally(leave);
    },
  };
}
