// In which order leaders are handed out to (TREE-10, TREE-11): whom the operator named first, then by a score of what was measured and reported. Who comes
// first passes on the most; a low score harms nobody but by its place.

/** What is known of a leader; null: nothing. */
export interface LeaderParameters {
  readonly node: string;
  readonly segment: string;
  readonly upBytesPerSecond: number | null;
  /** Between it and the CCM. */
  readonly delayMs: number | null;
  /** Transfers from it that went well, and that did not. */
  readonly done: number;
  readonly failed: number;
  readonly cpus: number | null;
  /** Load of the last minute by processor; 1: busy. */
  readonly load: number | null;
  readonly freeBytes: number | null;
  /** Open connections of the node. */
  readonly connections: number | null;
  readonly location: string | null;
  /** Such as Europe/Berlin. */
  readonly timeZone: string | null;
}

export interface LeaderScore {
  readonly score: number;
  /** Summed up they are the score. */
  readonly terms: Readonly<Record<keyof typeof leaderWeights, number>>;
}

/** A term's highest value. Together 1,000. */
export const leaderWeights = {
  rate: 350,
  reliability: 250,
  delay: 150,
  cpu: 100,
  nearness: 50,
  disk: 50,
  connections: 50,
} as const;

const mbitFull = 10_000;
const cpusFull = 64;
const gigabytesFull = 1000;
/** At so much a term is half of what it is at nothing. */
const delayHalfMs = 100;
const connectionsHalf = 1000;
const unknown = 0.5;

export interface OrderWishes {
  /** Segments and nodes, the first one first. */
  readonly first: readonly string[];
  /** Where the CCM is. */
  readonly near: Pick<LeaderParameters, 'location' | 'timeZone'>;
}

export function leaderOrder<Item>(
  items: readonly Item[],
  parametersOf: (item: Item) => LeaderParameters,
  { first, near }: OrderWishes,
): Item[] {
  const places = new Map(first.map((name, index) => [name, index]));
  const rows = items.map((item) => {
    const parameters = parametersOf(item);
    const { segment, node } = parameters;
    const place = places.get(segment) ?? places.get(node) ?? first.length;
    return { item, node, place, score: leaderScore(parameters, near).score };
  });
  rows.sort((a, b) => a.place - b.place || b.score - a.score || (a.node < b.node ? -1 : 1));
  return rows.map(({ item }) => item);
}

export function leaderScore(leader: LeaderParameters, near: OrderWishes['near']): LeaderScore {
  const { upBytesPerSecond, delayMs, done, failed, cpus, load, freeBytes, connections } = leader;
  const idle = 1 - fraction(load ?? 0);
  const parts = {
    rate: grade(upBytesPerSecond, mbitFull, 125_000),
    reliability: (done + 1) / (done + failed + 2),
    delay: delayMs === null ? unknown : delayHalfMs / (delayHalfMs + Math.max(0, delayMs)),
    cpu: grade(cpus === null ? null : cpus * idle, cpusFull, 1),
    nearness: nearness(leader, near),
    disk: grade(freeBytes, gigabytesFull, 1e9),
    connections:
      connections === null ? unknown : connectionsHalf / (connectionsHalf + Math.max(0, connections)),
  };
  const terms = { ...leaderWeights } as Record<keyof typeof leaderWeights, number>;
  let score = 0;
  for (const key of Object.keys(parts) as (keyof typeof leaderWeights)[]) {
    terms[key] = Math.round(leaderWeights[key] * fraction(parts[key]));
    score += terms[key];
  }
  return { score, terms };
}

/** At the same location 1, in the same time zone 0.6, in the same region of time zones 0.3. */
function nearness(leader: OrderWishes['near'], near: OrderWishes['near']): number {
  if (leader.location !== null && leader.location === near.location) return 1;
  if (leader.timeZone === null || near.timeZone === null) return 0;
  if (leader.timeZone === near.timeZone) return 0.6;
  return region(leader.timeZone) === region(near.timeZone) ? 0.3 : 0;
}

const region = (timeZone: string): string => timeZone.split('/', 1)[0] ?? '';

const fraction = (value: number): number => Math.min(Math.max(value, 0), 1);

/** Twice as much is a step that grows no more with the amount: 0 for nothing, 1 for the full amount. */
function grade(amount: number | null, full: number, unit: number): number {
  return amount === null ? unknown : Math.log1p(Math.max(amount / unit, 0)) / Math.log1p(full);
}
