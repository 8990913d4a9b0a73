// What a simulation says of its seeds: a line for each, and the sum of all.

import type { FaultKind } from '../sim/faults/fault.ts';
import type { SeedResult } from '../sim/seeds/seed-result.ts';

export interface FailedSeed {
  readonly seed: number;
  readonly checker: string;
  readonly what: string;
  readonly at_ms: number;
  /** The command line that shows it again. */
  readonly replay: string;
}

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

/** More are counted, not told. */
const toldMax = 20;

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
  const failed: FailedSeed[] = [];
  const faults: Partial<Record<FaultKind, number>> = {};
  let seeds = 0;
  let violations = 0;
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
      const { violation, seed } = result;
      if (violation === null) return;
      violations += 1;
      const mutate = of.mutant === null ? '' : ` --mutate ${of.mutant}`;
      const replay = `treecast simulate election --members ${of.members} --first-seed ${seed} --seeds 1 --trace${mutate}`;
      failed.push({ seed, checker: violation.checker, what: violation.what, at_ms: violation.at, replay });
    },
    summary: () => ({
      scenario: 'election',
      members: of.members,
      seeds,
      first_seed: of.firstSeed,
      violations,
      failed: failed.toSorted((one, other) => one.seed - other.seed).slice(0, toldMax),
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
        ...summary.failed.flatMap(({ seed, checker, what, replay }) => [
          `seed ${seed}: ${checker}: ${what}`,
          `  ${replay}`,
        ]),
      ];
    },
  };
  return totals;
}
