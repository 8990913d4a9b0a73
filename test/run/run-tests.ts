// Runs every test file of some folders with node:test, each file in a process of its own and a bounded number at once,
// and tells what came of it. Does not decide which folders, nor what an outcome means for the exit code.

import { glob } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { relative, resolve } from 'node:path';
import { run } from 'node:test';
import type { TestEvent } from 'node:test/reporters';
import { createTestReport } from './test-report.ts';
import type { TestTotals } from './test-totals.ts';

export interface TestRunOptions {
  /** Folders to look for `*.test.ts` in; one that does not exist has no tests. */
  readonly folders: readonly string[];
  readonly print: (line: string) => void;
  /** A file that takes longer hangs: the run is ended there and has failed. */
  readonly fileTimeoutMs: number;
}

export async function runTests(options: TestRunOptions): Promise<TestTotals> {
  const files = await testFiles(options.folders);
  const report = createTestReport(options.print);
  if (files.length > 0) {
    const watch = createHangWatch(options);
    const events = run({
      files,
      concurrency: availableParallelism(),
      signal: watch.signal,
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    for await (const event of events as AsyncIterable<TestEvent>) {
      watch.add(event);
      report.add(event);
    }
  }
  return report.totals();
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

/** node:test's own time limit does not reach a file whose process stays alive. */
function createHangWatch(options: TestRunOptions): { signal: AbortSignal; add(event: TestEvent): void } {
  const controller = new AbortController();
  const timers = new Map<string, NodeJS.Timeout>();
  const hangs = (file: string): void => {
    const name = relative(process.cwd(), file);
    options.print(`✖ ${name} hangs: not done after ${options.fileTimeoutMs / 1000} s; the run ends here`);
    controller.abort();
  };
  return {
    signal: controller.signal,
    add(event) {
      if (event.type !== 'test:dequeue' && event.type !== 'test:complete') return;
      const { file, name, nesting } = event.data;
      if (file === undefined || nesting !== 0 || name !== file) return;
      clearTimeout(timers.get(file));
      if (event.type === 'test:dequeue') timers.set(file, setTimeout(hangs, options.fileTimeoutMs, file));
    },
  };
}
