// LINK-31: how much a connection may say. Honest agents stay far below it; one that floods is told so and cut off, before what it says piles up.

const perSecond = 1_000;
const burst = 10_000;
/** A long message costs as much as so many bytes' worth of short ones. */
const bytesPerUnit = 4_096;

export interface MessageBudget {
  /** False when it is used up. */
  spend(bytes: number): boolean;
  /** So much of what was said is paid for by somebody else. */
  giveBack(bytes: number): void;
}

export function createMessageBudget(now: () => number): MessageBudget {
  let left = burst;
  let at = now();
  return {
    spend(bytes) {
      const time = now();
      left = Math.min(burst, left + (Math.max(0, time - at) * perSecond) / 1_000);
      at = time;
      left -= 1 + bytes / bytesPerUnit;
      return left >= 0;
    },
    giveBack(bytes) {
      left = Math.min(burst, left + bytes / bytesPerUnit);
    },
  };
}
