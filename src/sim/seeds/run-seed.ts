// Runs one seed of the election scenario, here and now.

import { countFaults, describeFault } from '../faults/describe-fault.ts';
import { findMutant } from '../mutants/all-mutants.ts';
import { allCheckers } from '../segment/checkers/all-checkers.ts';
import { productKit } from '../segment/product-kit.ts';
import { drawRunPlan } from '../segment/run-plan.ts';
import { runSegment } from '../segment/segment-run.ts';
import type { SeedResult, SeedTask } from './seed-result.ts';

export function runSeed(seed: number, task: SeedTask, trace?: (line: string) => void): SeedResult {
  const plan = drawRunPlan(seed, task.members);
  const result = runSegment({
    plan,
    kit: productKit(plan, task.mutant === null ? {} : findMutant(task.mutant).changes),
    checkers: allCheckers,
    ...(trace === undefined ? {} : { trace }),
  });
  return { seed, faults: countFaults(plan.faults), ...result };
}

/** The weather and the faults of a seed, as lines. */
export function seedFaults(seed: number, members: number): string[] {
  const plan = drawRunPlan(seed, members);
  const names = plan.members.map(({ name }) => name);
  const { delayMinMs, delayMaxMs, loss, duplicate, held, heldMaxMs } = plan.weather;
  return [
    `weather: ${delayMinMs} to ${delayMaxMs} ms, ${100 * loss} % lost, ${100 * duplicate} % twice, ${100 * held} % up to ${heldMaxMs} ms late`,
    ...plan.faults.map((fault) => describeFault(fault, names)),
  ];
}
