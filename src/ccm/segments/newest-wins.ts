// Of what one sender says faster than it may, the newest counts: the first at once, then one an interval.

import type { Clock } from '../../net/clock.ts';

export interface NewestWins<Value> {
  offer(sender: string, value: Value): void;
  /** What waits is dropped. */
  forget(sender: string): void;
  close(): void;
}

/** `take` is called at once, or later from a timer. */
export function createNewestWins<Value>(
  intervalMs: number,
  clock: Clock,
  take: (sender: string, value: Value) => void,
): NewestWins<Value> {
  const waiting = new Map<string, { value: Value | undefined; readonly cancel: () => void }>();

  function rest(sender: string): void {
    const cancel = clock.after(intervalMs, () => {
      const value = waiting.get(sender)?.value;
      waiting.delete(sender);
      if (value === undefined) return;
      rest(sender);
      take(sender, value);
    });
    waiting.set(sender, { value: undefined, cancel });
  }

  return {
    offer(sender, value) {
      const entry = waiting.get(sender);
      if (entry !== undefined) {
        entry.value = value;
        return;
      }
      rest(sender);
      take(sender, value);
    },
    forget(sender) {
      waiting.get(sender)?.cancel();
      waiting.delete(sender);
    },
    close() {
      for (const { cancel } of waiting.values()) cancel();
      waiting.clear();
    },
  };
}
