// A worker thread of run-seeds.ts: runs the seeds that it is sent, one after another, and answers each.

import { parentPort, workerData } from 'node:worker_threads';
import { runSeed } from './run-seed.ts';
import type { SeedTask } from './seed-result.ts';

const task = workerData as SeedTask;
parentPort?.on('message', (seeds: readonly number[]) => {
  for (const seed of seeds) parentPort?.postMessage(runSeed(seed, task));
});
