// How well a node would lead (ELEC-20 to ELEC-22): a number that candidates of one election compare, and its terms for operators to read.
// Pure arithmetic on what the node knows of itself; nothing of others enters it.

import type { LeadRole } from '../../model/segment.ts';

/** What the node's driver measures of it; fractions are from 0 to 1 and are cut off there. */
export interface LeadResources {
  /** Processors. */
  readonly cpus: number;
  /** Part of the processors that is idle. */
  readonly idle: number;
  readonly freeBytes: number;
  readonly linkBitsPerSecond: number;
  /** Part of the last time in which it was up and heard. */
  readonly reliability: number;
  /** Part of the recent content that it holds. */
  readonly content: number;
}

export interface PriorityParameters extends LeadResources {
  /** How long ago it led last; 0: it leads; null: never that it knows. */
  readonly ledAgoMs: number | null;
  /** How many other nodes it knows of. */
  readonly servers: number;
  readonly role: LeadRole;
  /** The operator's, from 0 to 100; 1 changes nothing. */
  readonly factor: number;
}

export interface Priority {
  readonly priority: number;
  /** Summed up they are the priority without factor and role. */
  readonly terms: {
    readonly led: number;
    readonly servers: number;
    readonly cpu: number;
    readonly storage: number;
    readonly network: number;
    readonly reliability: number;
    readonly content: number;
  };
}

/** A term's highest value. Together 1,000. */
export const priorityWeights = {
  led: 200,
  servers: 100,
  cpu: 150,
  storage: 100,
  network: 150,
  reliability: 200,
  content: 100,
} as const;

const weightSum = Object.values(priorityWeights).reduce((sum, weight) => sum + weight, 0);
/** A node that led is preferred for so long, less and less. */
export const ledMemoryMs = 600_000;
const factorMax = 100;
/** What a pre-assigned node has above all others. */
export const preassignedPriority = weightSum * factorMax + 1;

const serversFull = 1000;
const cpusFull = 64;
const freeBytesFull = 1e12;
const linkFull = 1e10;

export function priorityOf(parameters: PriorityParameters): Priority {
  const { ledAgoMs, servers, cpus, idle, freeBytes, linkBitsPerSecond, reliability, content } = parameters;
  const terms = {
    led: score('led', ledAgoMs === null ? 0 : 1 - ledAgoMs / ledMemoryMs),
    servers: score('servers', grade(servers, serversFull)),
    cpu: score('cpu', grade(cpus * fraction(idle), cpusFull)),
    storage: score('storage', grade(freeBytes / 1e9, freeBytesFull / 1e9)),
    network: score('network', grade(linkBitsPerSecond / 1e6, linkFull / 1e6)),
    reliability: score('reliability', reliability),
    content: score('content', content),
  };
  const sum = Object.values(terms).reduce((total, term) => total + term, 0);
  const factor = Math.min(Math.max(parameters.factor, 0), factorMax);
  const base = parameters.role === 'preassigned' ? preassignedPriority : 0;
  return { priority: base + Math.round(sum * factor), terms };
}

/** From 0, the weakest claim, to 1: who is pre-assigned or led recently, and an ideal node (ELEC-23). */
export function claimStrength(parameters: PriorityParameters): number {
  const { priority, terms } = priorityOf(parameters);
  return terms.led > 0 ? 1 : Math.min(priority / weightSum, 1);
}

const fraction = (value: number): number => Math.min(Math.max(value, 0), 1);

/** Twice as much is a step that grows no more with the amount: 0 for nothing, 1 for the full amount. */
const grade = (amount: number, full: number): number => Math.log1p(Math.max(amount, 0)) / Math.log1p(full);

const score = (term: keyof typeof priorityWeights, part: number): number =>
  Math.round(priorityWeights[term] * fraction(part));
