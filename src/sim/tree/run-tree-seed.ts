// Runs one seed of the tree scenario, here and now.

import type { TreeFaultKind } from './tree-fault.ts';
import { findTreeMutant } from './tree-mutants.ts';
import { drawTreePlan, type TreePlanOptions } from './tree-plan.ts';
import { runTree, type TreeRunResult } from './tree-run.ts';

export interface TreeSeedTask extends TreePlanOptions {
  readonly mutant: string | null;
}

export interface TreeSeedResult extends TreeRunResult {
  readonly seed: number;
  readonly bytes: number;
  readonly faults: Readonly<Partial<Record<TreeFaultKind, number>>>;
  /** All at one rate, and nothing happened. */
  readonly isEven: boolean;
}

export function runTreeSeed(
  seed: number,
  task: TreeSeedTask,
  trace?: (line: string) => void,
): TreeSeedResult {
  const plan = drawTreePlan(seed, task);
  const changes = task.mutant === null ? {} : findTreeMutant(task.mutant).create();
  const result = runTree({ plan, changes, ...(trace === undefined ? {} : { trace }) });
  const faults: Partial<Record<TreeFaultKind, number>> = {};
  for (const { kind } of plan.faults) faults[kind] = (faults[kind] ?? 0) + 1;
  return { seed, bytes: plan.bytes, faults, isEven: plan.isEven, ...result };
}
