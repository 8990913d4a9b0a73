// How often something is done for one address of the network, and for all of them together: so that what a stranger costs is paid by his own
// address, and is bounded when he invents addresses.

export interface SourceBudget {
  /** Takes one, if there is one left. */
  take(source: string): boolean;
  /** Whether `take` would. */
  has(source: string): boolean;
}

const sourcesMax = 1_024;
/** All addresses together have so many times what one has. */
const allTimes = 10;
/** No address. */
const all = '*';

export function createSourceBudget(options: {
  readonly perSecond: number;
  readonly burst: number;
  readonly now: () => number;
}): SourceBudget {
  const { perSecond, burst, now } = options;
  /** The longest unused one first. */
  const left = new Map<string, { tokens: number; at: number }>();

  function current(source: string): { tokens: number; at: number } {
    const at = now();
    const before = left.get(source);
    const times = source === all ? allTimes : 1;
    if (before === undefined) return { tokens: burst * times, at };
    const more = ((at - before.at) * perSecond * times) / 1_000;
    return { tokens: Math.min(burst * times, before.tokens + more), at };
  }

  const has = (source: string): boolean => current(source).tokens >= 1 && current(all).tokens >= 1;

  function spend(source: string, count: number): void {
    const { tokens, at } = current(source);
    left.delete(source);
    left.set(source, { tokens: tokens - count, at });
  }

  return {
    has,
    take(source) {
      const isLeft = has(source);
      spend(source, isLeft ? 1 : 0);
      spend(all, isLeft ? 1 : 0);
      if (left.size > sourcesMax) left.delete(left.keys().next().value as string);
      return isLeft;
    },
  };
}
