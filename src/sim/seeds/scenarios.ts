// The scenarios that run by seeds, and what each is told and comes to. A worker thread is given one by name.

import { type MctpSeedResult, type MctpSeedTask, runMctpSeed } from '../mctp/run-mctp-seed.ts';
import { runTreeSeed, type TreeSeedResult, type TreeSeedTask } from '../tree/run-tree-seed.ts';
import { runSeed } from './run-seed.ts';
import type { SeedResult, SeedTask } from './seed-result.ts';

export interface Scenarios {
  readonly election: { readonly task: SeedTask; readonly result: SeedResult };
  readonly tree: { readonly task: TreeSeedTask; readonly result: TreeSeedResult };
  readonly mctp: { readonly task: MctpSeedTask; readonly result: MctpSeedResult };
}

export type ScenarioName = keyof Scenarios;

export const scenarios: {
  readonly [Name in ScenarioName]: (
    seed: number,
    task: Scenarios[Name]['task'],
    trace?: (line: string) => void,
  ) => Scenarios[Name]['result'];
} = { election: runSeed, mctp: runMctpSeed, tree: runTreeSeed };
