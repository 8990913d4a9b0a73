// The seeds of a simulation that broke a rule, and how each is seen again.

import type { Violation } from '../sim/segment/segment-run.ts';

export interface FailedSeed {
  readonly seed: number;
  readonly checker: string;
  readonly what: string;
  readonly at_ms: number;
  /** The command line that shows it again. */
  readonly replay: string;
}

export interface FailedSeeds {
  add(seed: number, violation: Violation | null): void;
  /** All, and the first few of them by seed. */
  count(): number;
  told(): readonly FailedSeed[];
  lines(): string[];
}

/** More are counted, not told. */
const toldMax = 20;

/** `command`: the line without seeds, such as `simulate mctp --receivers 16`. */
export function createFailedSeeds(command: string, mutant: string | null): FailedSeeds {
  const failed: FailedSeed[] = [];
  const told = (): FailedSeed[] => failed.toSorted((one, other) => one.seed - other.seed).slice(0, toldMax);
  return {
    add(seed, violation) {
      if (violation === null) return;
      const mutate = mutant === null ? '' : ` --mutate ${mutant}`;
      const replay = `treecast ${command} --first-seed ${seed} --seeds 1 --trace${mutate}`;
      failed.push({ seed, checker: violation.checker, what: violation.what, at_ms: violation.at, replay });
    },
    count: () => failed.length,
    told,
    lines: () =>
      told().flatMap(({ seed, checker, what, replay }) => [
        `seed ${seed}: ${checker}: ${what}`,
        `  ${replay}`,
      ]),
  };
}
