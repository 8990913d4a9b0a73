// Runs one seed of the MCTP scenario, here and now.

import type { MctpFaultKind } from './mctp-fault.ts';
import { findMctpMutant } from './mctp-mutants.ts';
import { drawMctpPlan, type PlanOptions } from './mctp-plan.ts';
import { type MctpRunResult, runMctp } from './mctp-run.ts';

export interface MctpSeedTask extends PlanOptions {
  readonly mutant: string | null;
}

export interface MctpSeedResult extends MctpRunResult {
  readonly seed: number;
  readonly faults: Readonly<Partial<Record<MctpFaultKind, number>>>;
  readonly repair: 'arq' | 'fec';
  readonly loss: number;
  /** Nothing happened but loss, duplicates and disorder. */
  readonly isPlain: boolean;
  readonly bytes: number;
}

export function runMctpSeed(
  seed: number,
  task: MctpSeedTask,
  trace?: (line: string) => void,
): MctpSeedResult {
  const plan = drawMctpPlan(seed, task);
  const changes = task.mutant === null ? {} : findMctpMutant(task.mutant).changes;
  const result = runMctp({ plan, changes, ...(trace === undefined ? {} : { trace }) });
  const faults: Partial<Record<MctpFaultKind, number>> = {};
  for (const { kind } of plan.faults) faults[kind] = (faults[kind] ?? 0) + 1;
  const { repair, manifestBytes, sealedBytes, plainBytes } = plan.session;
  return {
    ...{ seed, faults, repair, loss: plan.loss },
    isPlain: plan.faults.length === 0 && plan.holders.length === 0,
    bytes: manifestBytes + sealedBytes + plainBytes,
    ...result,
  };
}
