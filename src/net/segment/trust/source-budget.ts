// How often something is done for one address of the network: so that what a stranger costs is bounded and paid by his own address.

export interface SourceBudget {
  /** Takes one, if there is one left. */
  take(source: string): boolean;
  /** Whether `take` would. */
  has(source: string): boolean;
}

const sourcesMax = 1_024;

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
    const tokens =
      before === undefined ? burst : Math.min(burst, before.tokens + ((at - before.at) * perSecond) / 1_000);
    return { tokens, at };
  }

  return {
    has: (source) => current(source).tokens >= 1,
    take(source) {
      const entry = current(source);
      const isLeft = entry.tokens >= 1;
      left.delete(source);
      left.set(source, { ...entry, tokens: isLeft ? entry.tokens - 1 : entry.tokens });
      if (left.size > sourcesMax) left.delete(left.keys().next().value as string);
      return isLeft;
    },
  };
}
