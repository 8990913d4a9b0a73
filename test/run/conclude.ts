// The end of a run, the same for every entry point: what was not run, what stands against it, node:test's closing lines last.

import { closingLines, objectionsTo, type TestTotals } from './test-totals.ts';

/** Returns the exit code. */
export function conclude(
  totals: TestTotals,
  failedChecks: readonly string[],
  print: (line: string) => void,
): number {
  const objections = [
    ...failedChecks.map((name) => `check failed: ${name}`),
    ...objectionsTo(totals, process.env['CI'] === 'true'),
  ];
  for (const line of totals.notRun) print(`not run: needs ${line}`);
  for (const objection of objections) print(`✖ ${objection}`);
  for (const line of closingLines(totals)) print(line);
  return objections.length === 0 ? 0 : 1;
}
