// What came of a test run, and whether that is good enough: with CI=true nothing may be left out.

/** node:test's own counts, added up over files; a file that crashed, hung or holds no test counts as one failed test. */
export interface TestTotals {
  tests: number;
  suites: number;
  passed: number;
  failed: number;
  cancelled: number;
  skipped: number;
  todo: number;
  durationMs: number;
  /** A line per test that was not run for want of a program: `needs nginx (name)`. */
  notRun: string[];
}

/** What stands against calling the run good; empty when it is. */
export function objectionsTo(totals: TestTotals, ci: boolean): string[] {
  const objections: string[] = [];
  if (totals.failed + totals.cancelled > 0) objections.push(`${totals.failed + totals.cancelled} failed`);
  if (totals.tests === 0) objections.push('no test was executed');
  if (!ci) return objections;
  if (totals.skipped + totals.todo > 0)
    objections.push(`${totals.skipped + totals.todo} skipped or to do; with CI=true nothing may be left out`);
  if (totals.notRun.length > 0)
    objections.push(
      `${totals.notRun.length} not run for want of a program; with CI=true nothing may be left out`,
    );
  return objections;
}

/** The closing lines exactly as node:test's spec reporter prints them; CI reads these. */
export function closingLines(totals: TestTotals): string[] {
  return [
    `ℹ tests ${totals.tests}`,
    `ℹ suites ${totals.suites}`,
    `ℹ pass ${totals.passed}`,
    `ℹ fail ${totals.failed}`,
    `ℹ cancelled ${totals.cancelled}`,
    `ℹ skipped ${totals.skipped}`,
    `ℹ todo ${totals.todo}`,
    `ℹ duration_ms ${totals.durationMs.toFixed(3)}`,
  ];
}
