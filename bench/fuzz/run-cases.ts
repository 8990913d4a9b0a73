// Runs cases of one target: an input made from the case's own seed, and a judgement of what the reader did with it. A case is right when
// the reader gave a result that holds what it promises, or refused it with one of its codes.

import { errorCodes } from '../../src/model/error-codes.ts';
import { TreecastError } from '../../src/model/treecast-error.ts';
import { createRandom, seedOf } from '../random.ts';
import type { FuzzTarget } from './fuzz-target.ts';

export interface Violation {
  readonly target: string;
  readonly seed: number;
  readonly number: number;
  readonly what: string;
  readonly input: Buffer;
}

export interface CaseRange {
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  /** Every `step`-th case. */
  readonly step: number;
}

/** Counts by verdict; stops at the first violation. `onCase` hears of each case before it runs. */
export async function runCases(
  target: FuzzTarget,
  { seed, from, to, step }: CaseRange,
  onCase: (number: number) => void,
): Promise<{ readonly counts: Readonly<Record<string, number>>; readonly violation: Violation | undefined }> {
  const counts: Record<string, number> = {};
  for (let number = from; number < to; number += step) {
    onCase(number);
    const random = createRandom(seedOf(seed, target.name, number));
    const input = target.make(random);
    let verdict: string;
    try {
      const answer = target.run(input, random);
      verdict = typeof answer === 'string' ? answer : await answer;
    } catch (error) {
      const code = refusalOf(target, error);
      if (code === undefined) {
        const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
        return { counts, violation: { target: target.name, seed, number, what, input } };
      }
      verdict = code;
    }
    counts[verdict] = (counts[verdict] ?? 0) + 1;
  }
  return { counts, violation: undefined };
}

function refusalOf(target: FuzzTarget, error: unknown): string | undefined {
  if (error instanceof TreecastError) {
    return error.code !== 'BUG' && Object.hasOwn(errorCodes, error.code) ? error.code : undefined;
  }
  const name = error instanceof Error ? error.constructor.name : undefined;
  return name !== undefined && target.otherRefusals?.includes(name) ? name : undefined;
}
