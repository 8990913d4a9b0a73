// One check of `doctor`: a name, a verdict, what was found, and what to do when it is not good.

export interface Finding {
  readonly outcome: 'ok' | 'warn' | 'fail';
  readonly message: string;
  readonly fix?: string;
}

export interface CheckResult extends Finding {
  readonly name: string;
}

export interface Check {
  readonly name: string;
  run(): Promise<Finding>;
}

/** All at once; a check that throws has failed. In the order given. */
export async function runChecks(checks: readonly Check[]): Promise<CheckResult[]> {
  return Promise.all(
    checks.map(async ({ name, run }) => {
      try {
        return { name, ...(await run()) };
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        const fix =
          error instanceof Error && 'fix' in error && typeof error.fix === 'string' ? error.fix : undefined;
        return { name, outcome: 'fail', message, ...(fix === undefined ? {} : { fix }) } as const;
      }
    }),
  );
}
