// What a simulation of MCTP sessions says of its seeds: a line for each, and the sum of all.

import type { MctpFaultKind } from '../sim/mctp/mctp-fault.ts';
import type { MctpSeedResult } from '../sim/mctp/run-mctp-seed.ts';
import { createFailedSeeds, type FailedSeed } from './failed-seeds.ts';

export interface SessionSummary {
  readonly scenario: 'mctp';
  readonly receivers: number;
  readonly loss: number | null;
  readonly seeds: number;
  readonly first_seed: number;
  readonly violations: number;
  readonly failed: readonly FailedSeed[];
  readonly mutant: string | null;
  readonly virtual_s: number;
  /** Of seeds with nothing but loss, by parity: all bytes on the wire through all of the objects'; null: there was none. */
  readonly wire_ratio: number | null;
  /** The same, times the share that arrives. */
  readonly wire_ratio_by_arrived: number | null;
  readonly complete: number;
  readonly unicast: number;
  readonly failed_receivers: number;
  readonly faults: Readonly<Partial<Record<MctpFaultKind, number>>>;
  readonly seconds: number;
}

export interface SessionTotals {
  add(result: MctpSeedResult): void;
  summary(): SessionSummary;
  lines(): string[];
}

export function sessionSeedLine(result: MctpSeedResult): string {
  const { seed, violation, virtualMs, faults, repair, loss, bytes, wireRatio, complete, unicast, failed } =
    result;
  const counts = Object.entries(faults).map(([kind, count]) => `${kind} ${count}`);
  const outcome = violation === null ? 'ok' : `VIOLATION ${violation.checker}: ${violation.what}`;
  return `seed ${seed}: ${(virtualMs / 1000).toFixed(1)} s; ${repair}, ${bytes} bytes, loss ${loss}; ${counts.join(', ') || 'no fault'}; wire ${wireRatio.toFixed(3)}; complete ${complete}, unicast ${unicast}, failed ${failed}; ${outcome}`;
}

export function createSessionTotals(of: {
  readonly receivers: number;
  /** A share; null: drawn. */
  readonly loss: number | null;
  /** Null: sizes are drawn. */
  readonly plainMb: number | null;
  readonly firstSeed: number;
  readonly mutant: string | null;
}): SessionTotals {
  const begun = performance.now();
  const lossFlag = of.loss === null ? '' : ` --loss ${100 * of.loss}`;
  const sizeFlag = of.plainMb === null ? '' : ` --plain-mb ${of.plainMb}`;
  const failures = createFailedSeeds(
    `simulate mctp --receivers ${of.receivers}${lossFlag}${sizeFlag}`,
    of.mutant,
  );
  const faults: Partial<Record<MctpFaultKind, number>> = {};
  const sums = { seeds: 0, virtualMs: 0, complete: 0, unicast: 0, failed: 0 };
  const plain = { bytes: 0, wire: 0, arrived: 0 };

  const share = (bytes: number): number | null =>
    plain.bytes === 0 ? null : Math.round((1000 * bytes) / plain.bytes) / 1000;
  const totals: SessionTotals = {
    add(result) {
      sums.seeds += 1;
      sums.virtualMs += result.virtualMs;
      sums.complete += result.complete;
      sums.unicast += result.unicast;
      sums.failed += result.failed;
      for (const [kind, count] of Object.entries(result.faults) as [MctpFaultKind, number][])
        faults[kind] = (faults[kind] ?? 0) + count;
      if (result.isPlain && result.repair === 'fec') {
        plain.bytes += result.bytes;
        plain.wire += result.bytes * result.wireRatio;
        plain.arrived += result.bytes * result.wireRatio * (1 - result.loss);
      }
      failures.add(result.seed, result.violation);
    },
    summary: () => ({
      scenario: 'mctp',
      receivers: of.receivers,
      loss: of.loss,
      seeds: sums.seeds,
      first_seed: of.firstSeed,
      violations: failures.count(),
      failed: failures.told(),
      mutant: of.mutant,
      virtual_s: Math.round(sums.virtualMs / 1000),
      wire_ratio: share(plain.wire),
      wire_ratio_by_arrived: share(plain.arrived),
      complete: sums.complete,
      unicast: sums.unicast,
      failed_receivers: sums.failed,
      faults,
      seconds: Math.round(performance.now() - begun) / 1000,
    }),
    lines() {
      const { seeds, receivers, first_seed, virtual_s, wire_ratio, violations } = totals.summary();
      return [
        `${seeds} seeds from ${first_seed}, ${receivers} receivers, ${virtual_s} s of virtual time, ${wire_ratio ?? 'no'} bytes on the wire for each where only frames got lost, ${violations} violations`,
        ...failures.lines(),
      ];
    },
  };
  return totals;
}
