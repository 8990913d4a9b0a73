// A child process of the bench: runs its share of every target's cases, and tells the parent where it is, so that a case that never
// ends can be named, and how much memory it has taken.

import { fuzzTargets } from './fuzz-targets.ts';
import { runCases, type Violation } from './run-cases.ts';

export interface FuzzShare {
  readonly targets: readonly string[];
  readonly seed: number;
  /** Of each target. */
  readonly cases: number;
  readonly process: number;
  readonly processes: number;
}

export type FuzzReport =
  | { readonly kind: 'at'; readonly target: string; readonly number: number; readonly rssBytes: number }
  | {
      readonly kind: 'done';
      readonly target: string;
      readonly counts: Readonly<Record<string, number>>;
      readonly ms: number;
    }
  | { readonly kind: 'violation'; readonly violation: Omit<Violation, 'input'> & { readonly input: string } };

const toldEvery = 500;

if (process.send) {
  process.once('message', (share: FuzzShare) => {
    void work(share).then(() => process.disconnect());
  });
}

async function work({ targets, seed, cases, process: own, processes }: FuzzShare): Promise<void> {
  for (const target of fuzzTargets) {
    if (!targets.includes(target.name)) continue;
    const began = performance.now();
    let done = 0;
    const { counts, violation } = await runCases(
      target,
      { seed, from: own, to: cases, step: processes },
      (number) => {
        if (done++ % toldEvery === 0)
          void tell({ kind: 'at', target: target.name, number, rssBytes: process.memoryUsage.rss() });
      },
    );
    if (violation)
      await tell({
        kind: 'violation',
        violation: { ...violation, input: violation.input.toString('base64') },
      });
    await tell({ kind: 'done', target: target.name, counts, ms: performance.now() - began });
  }
}

/** Resolves when it is handed over: what is still on its way is lost when the channel is closed. */
function tell(report: FuzzReport): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(report, undefined, undefined, (error) => (error ? reject(error) : resolve()));
  });
}
