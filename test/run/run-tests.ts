// Runs every test file of some folders with node:test, each file in a process of its own and a bounded number at once,
// and tells what came of it. Does not decide which folders, nor what an outcome means for the exit code.

import { glob } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { run } from 'node:test';
import type { TestEvent } from 'node:test/reporters';
import { pluginApiModule } from '../../src/plugins/host/plugin-api-module.ts';
import { createTestReport, type TestReport } from './test-report.ts';
import type { TestTotals } from './test-totals.ts';

export interface TestRunOptions {
  /** Folders to look for `*.test.ts` in; one that does not exist has no tests. */
  readonly folders: readonly string[];
  readonly print: (line: string) => void;
  /** A file that takes longer hangs: it is ended and has failed. */
  readonly fileTimeoutMs: number;
}

export async function runTests(options: TestRunOptions): Promise<TestTotals> {
  const waiting = await testFiles(options.folders);
  const report = createTestReport(options.print);
  const worker = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      await runFile(file, options.fileTimeoutMs, report);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return report.totals();
}

/** node:test's own time limit does not reach a file whose process stays alive; the signal ends that process. */
async function runFile(file: string, timeoutMs: number, report: TestReport): Promise<void> {
  const events = run({
    files: [file],
    signal: AbortSignal.timeout(timeoutMs),
    execArgv: ['--disable-warning=ExperimentalWarning', '--import', pluginApiModule],
  });
  for await (const event of events as AsyncIterable<TestEvent>) report.add(event);
}

async function testFiles(folders: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const folder of folders) {
    for await (const file of glob(`${folder}/**/*.test.ts`)) {
      if (!file.includes('node_modules/')) files.push(resolve(file));
    }
  }
  return files.sort();
}
