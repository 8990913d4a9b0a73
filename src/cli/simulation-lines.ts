// What a simulation says of its seeds: a line for each, and the sum of all.

import type { FaultKind } from '../sim/faults/fault.ts';
import type { SeedResult } from '../sim/seeds/seed-result.ts';
import { createFailedSeeds, type FailedSeed } from './failed-seeds.ts';

export interface SeedSummary {
  readonly scenario: 'election';
  readonly members: number;
  readonly seeds: number;
  readonly first_seed: number;
  readonly violations: number;
  readonly failed: readonly FailedSeed[];
  readonly mutant: string | null;
  readonly virtual_s: number;
  readonly elections: number;
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
  readonly seconds: number;
}

export interface SeedTotals {
  add(result: SeedResult): void;
  summary(): SeedSummary;
  lines(): string[];
}

export function seedLine({ seed, violation, virtualMs, faults, network, elections }: SeedResult): string {
  const counts = Object.entries(faults).map(([kind, count]) => `${kind} ${count}`);
  const { delivered, lost, blocked, duplicated, held } = network;
  const packets = `delivered ${delivered}, lost ${lost}, cut off ${blocked}, doubled ${duplicated}, late ${held}`;
  const outcome = violation === null ? 'ok' : `VIOLATION ${violation.checker}: ${violation.what}`;
  return `seed ${seed}: ${Math.round(virtualMs / 1000)} s; ${counts.join(', ')}; ${packets}; elections ${elections}; ${outcome}`;
}

export function createSeedTotals(of: {
  readonly members: number;
  readonly firstSeed: number;
  readonly mutant: string | null;
}): SeedTotals {
  const begun = performance.now();
  const failures = createFailedSeeds(`simulate election --members ${of.members}`, of.mutant);
  const faults: Partial<Record<FaultKind, number>> = {};
  let seeds = 0;
  let virtualMs = 0;
  let elections = 0;

  const totals: SeedTotals = {
    add(result) {
      seeds += 1;
      virtualMs += result.virtualMs;
      elections += result.elections;
      for (const [kind, count] of Object.entries(result.faults) as [FaultKind, number][]) {
        faults[kind] = (faults[kind] ?? 0) + count;
      }
      failures.add(result.seed, result.violation);
    },
    summary: () => ({
      scenario: 'election',
      members: of.members,
      seeds,
      first_seed: of.firstSeed,
      violations: failures.count(),
      failed: failures.told(),
      mutant: of.mutant,
      virtual_s: Math.round(virtualMs / 1000),
      elections,
      faults,
      seconds: Math.round(performance.now() - begun) / 1000,
    }),
    lines() {
      const summary = totals.summary();
      return [
        `${summary.seeds} seeds from ${summary.first_seed}, ${summary.members} members, ${summary.virtual_s} s of virtual time, ${summary.elections} elections, ${summary.violations} violations`,
        ...failures.lines(),
      ];
    },
  };
  return totals;
}
