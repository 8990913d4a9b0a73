// Runs many seeds on all processors: worker threads that are handed a few seeds at a time. One seed runs where it is asked for.

import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { type ScenarioName, type Scenarios, scenarios } from './scenarios.ts';

export interface RunSeedsOptions<Name extends ScenarioName> {
  readonly scenario: Name;
  readonly task: Scenarios[Name]['task'];
  readonly firstSeed: number;
  readonly seeds: number;
  /** Ends with the first violation. */
  readonly stopsAtViolation: boolean;
  readonly threads?: number;
  readonly signal?: AbortSignal;
  /** In the order in which they end. */
  readonly onResult: (result: Scenarios[Name]['result']) => void;
  /** Of a single seed only. */
  readonly trace?: (line: string) => void;
}

/** Seeds that a worker is given beforehand, so that it never waits. */
const ahead = 2;

/** Resolves when all have run, or enough; rejects when a run throws, or when the signal is aborted. */
export async function runSeeds<Name extends ScenarioName>(options: RunSeedsOptions<Name>): Promise<void> {
  const { scenario, task, firstSeed, seeds, stopsAtViolation, onResult, trace, signal } = options;
  if (seeds === 1 || trace !== undefined) {
    for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
      const result = scenarios[scenario](seed, task, trace);
      onResult(result);
      if (stopsAtViolation && result.violation !== null) return;
    }
    return;
  }
  const count = Math.min(options.threads ?? availableParallelism(), seeds);
  const workers: Worker[] = [];
  let next = firstSeed;
  let left = seeds;
  try {
    await new Promise<void>((resolve, reject) => {
      const stop = (): void => reject(reasonOf(signal));
      if (signal?.aborted === true) stop();
      signal?.addEventListener('abort', stop, { once: true });
      const hand = (worker: Worker, wanted: number): void => {
        const given: number[] = [];
        while (given.length < wanted && next < firstSeed + seeds) {
          given.push(next);
          next += 1;
        }
        if (given.length > 0) worker.postMessage(given);
      };
      for (let number = 0; number < count; number += 1) {
        const worker = new Worker(workerUrl(), { workerData: { scenario, task } });
        workers.push(worker);
        worker.on('error', reject);
        worker.on('message', (result: Scenarios[Name]['result']) => {
          if (left === 0) return;
          onResult(result);
          left -= 1;
          if (stopsAtViolation && result.violation !== null) left = 0;
          if (left === 0) resolve();
          else hand(worker, 1);
        });
        hand(worker, ahead);
      }
    });
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** From source the worker runs by type stripping, from dist it is JavaScript. */
function workerUrl(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './seed-worker.ts' : './seed-worker.js', import.meta.url);
}

function reasonOf(signal: AbortSignal | undefined): Error {
  return signal?.reason instanceof Error ? signal.reason : new Error('the run was stopped');
}
