// What a benchmark is to the runner: a command as data.

import type { ParseArgsOptionsConfig } from 'node:util';

export interface BenchContext {
  /** The options as parsed by node:util's parseArgs. */
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  /** A line for people: on stdout, or on stderr with --json. */
  say(line: string): void;
  /** The figures of one case: one JSON line with --json, the same for people without. */
  report(figures: Readonly<Record<string, unknown>>): void;
}

export interface Bench {
  readonly name: string;
  readonly summary: string;
  /** A line of options for the usage text. */
  readonly usage: string;
  readonly options: ParseArgsOptionsConfig;
  /** Returns the exit code; 0 only when everything measured was also right. */
  run(context: BenchContext): Promise<number>;
}
