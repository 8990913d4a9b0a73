// What a simulation of the tree of leaders says of its seeds: a line for each, and the sum of all.

import type { TreeSeedResult } from '../sim/tree/run-tree-seed.ts';
import type { TreeFaultKind } from '../sim/tree/tree-fault.ts';
import type { TreePlanOptions } from '../sim/tree/tree-plan.ts';
import { createFailedSeeds, type FailedSeed } from './failed-seeds.ts';

export interface TreeSummary {
  readonly scenario: 'tree';
  /** Null: drawn by each seed, as the next three. */
  readonly leaders: number | null;
  readonly members: number;
  readonly bytes: number | null;
  readonly bytes_per_second: number | null;
  readonly delay_ms: number | null;
  readonly seeds: number;
  readonly first_seed: number;
  readonly violations: number;
  readonly failed: readonly FailedSeed[];
  readonly mutant: string | null;
  /** In the middle of the seeds in which nothing happened, or of all when there is none: until the last node holds it. */
  readonly seconds: number;
  /** Size through rate. */
  readonly limit_s: number;
  readonly ratio: number;
  /** What it is compared with: twice the limit, and ten seconds. */
  readonly bound_s: number;
  readonly ccm_egress_ratio: number;
  /** Words at the CCM for each leader, both ways, with the word that it comes and the work. */
  readonly messages: number;
  /** What a leader's uplink carried, through the size. */
  readonly uplink_max_ratio: number;
  readonly uplink_mean_ratio: number;
  readonly virtual_s: number;
  readonly faults: Readonly<Partial<Record<TreeFaultKind, number>>>;
  readonly wall_s: number;
}

export interface TreeTotals {
  add(result: TreeSeedResult): void;
  summary(): TreeSummary;
  lines(): string[];
}

export interface TreeTotalsOf extends Omit<TreePlanOptions, 'hasFaults'> {
  /** As they were given on the command line, for the line that shows a seed again. */
  readonly flags: string;
  readonly firstSeed: number;
  readonly mutant: string | null;
}

export function treeSeedLine(result: TreeSeedResult): string {
  const { seed, violation, leaders, bytes, faults, lastNodeMs, limitMs, ccmEgressRatio, messages } = result;
  const counts = Object.entries(faults).map(([kind, count]) => `${kind} ${count}`);
  const outcome = violation === null ? 'ok' : `VIOLATION ${violation.checker}: ${violation.what}`;
  return `seed ${seed}: ${leaders} leaders, ${bytes} bytes; ${counts.join(', ') || 'no fault'}; last node ${inSeconds(lastNodeMs)} s, limit ${inSeconds(limitMs)} s; the CCM sent ${ccmEgressRatio.toFixed(2)} times the size, ${messages.toFixed(2)} words a leader; ${outcome}`;
}

export function createTreeTotals(of: TreeTotalsOf): TreeTotals {
  const begun = performance.now();
  const failures = createFailedSeeds(`simulate tree${of.flags}`, of.mutant);
  const faults: Partial<Record<TreeFaultKind, number>> = {};
  const even = sums();
  const all = sums();
  let virtualMs = 0;

  const totals: TreeTotals = {
    add(result) {
      all.add(result);
      if (result.isEven) even.add(result);
      virtualMs += result.virtualMs;
      for (const [kind, count] of Object.entries(result.faults) as [TreeFaultKind, number][])
        faults[kind] = (faults[kind] ?? 0) + count;
      failures.add(result.seed, result.violation);
    },
    summary() {
      const told = even.seeds() > 0 ? even : all;
      const limitMs = told.mean('limitMs');
      return {
        ...{ scenario: 'tree', leaders: of.leaders, members: of.members, bytes: of.bytes },
        ...{ bytes_per_second: of.bytesPerSecond, delay_ms: of.delayMs },
        ...{ seeds: all.seeds(), first_seed: of.firstSeed, violations: failures.count() },
        ...{ failed: failures.told(), mutant: of.mutant },
        seconds: inSeconds(told.mean('lastNodeMs')),
        limit_s: inSeconds(limitMs),
        ratio: rounded(limitMs === 0 ? 0 : told.mean('lastNodeMs') / limitMs),
        bound_s: inSeconds(2 * limitMs + 10_000),
        ccm_egress_ratio: rounded(told.mean('ccmEgressRatio')),
        messages: rounded(told.mean('messages')),
        uplink_max_ratio: rounded(told.most('uplinkMaxRatio')),
        uplink_mean_ratio: rounded(told.mean('uplinkMeanRatio')),
        virtual_s: Math.round(virtualMs / 1000),
        faults,
        wall_s: inSeconds(performance.now() - begun),
      };
    },
    lines() {
      const { seeds, first_seed, seconds, limit_s, ratio, bound_s, ccm_egress_ratio, messages, violations } =
        totals.summary();
      return [
        `${seeds} seeds from ${first_seed}: last node ${seconds} s, limit ${limit_s} s, ratio ${ratio} (bound ${bound_s} s); the CCM sent ${ccm_egress_ratio} times the size, ${messages} words a leader; ${violations} violations`,
        ...failures.lines(),
      ];
    },
  };
  return totals;
}

type Figure = 'lastNodeMs' | 'limitMs' | 'ccmEgressRatio' | 'messages' | 'uplinkMaxRatio' | 'uplinkMeanRatio';

interface Sums {
  add(result: TreeSeedResult): void;
  seeds(): number;
  mean(figure: Figure): number;
  most(figure: Figure): number;
}

function sums(): Sums {
  const results: Pick<TreeSeedResult, Figure>[] = [];
  return {
    add: ({ lastNodeMs, limitMs, ccmEgressRatio, messages, uplinkMaxRatio, uplinkMeanRatio }) =>
      results.push({ lastNodeMs, limitMs, ccmEgressRatio, messages, uplinkMaxRatio, uplinkMeanRatio }),
    seeds: () => results.length,
    mean: (figure) => results.reduce((sum, result) => sum + result[figure], 0) / Math.max(1, results.length),
    most: (figure) => results.reduce((most, result) => Math.max(most, result[figure]), 0),
  };
}

function inSeconds(ms: number): number {
  return Math.round(ms) / 1000;
}

function rounded(ratio: number): number {
  return Math.round(1000 * ratio) / 1000;
}
