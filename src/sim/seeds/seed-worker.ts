// A worker thread of run-seeds.ts: runs the seeds that it is sent, one after another, and answers each.

import { parentPort, workerData } from 'node:worker_threads';
import { type ScenarioName, type Scenarios, scenarios } from './scenarios.ts';

const { scenario, task } = workerData as WorkerTask<ScenarioName>;
serve(scenario, task);

interface WorkerTask<Name extends ScenarioName> {
  readonly scenario: Name;
  readonly task: Scenarios[Name]['task'];
}

function serve<Name extends ScenarioName>(name: Name, given: Scenarios[Name]['task']): void {
  const run = scenarios[name];
  parentPort?.on('message', (seeds: readonly number[]) => {
    for (const seed of seeds) parentPort?.postMessage(run(seed, given));
  });
}
