// What a fuzzed reader is to the bench: seeds, how an input is made of them, and one run of the reader.

import type { Random } from '../random.ts';

/** `valid`: the reader took it, and what it gave holds what it promises; else the code of its refusal. */
export type Verdict = string;

export interface FuzzTarget {
  readonly name: string;
  /** A mutated input, bytes as they would come from outside. */
  make(random: Random): Buffer;
  /** Gives what the reader did, or throws what it threw. `random` decides what is no part of the input, such as where a stream is cut. */
  run(input: Buffer, random: Random): Verdict | Promise<Verdict>;
  /** Refusals that are no TreecastError, by their class's name; none when absent. */
  readonly otherRefusals?: readonly string[];
}

/** For a reader whose result breaks a promise. */
export class BrokenPromise extends Error {}

export function promised(holds: boolean, what: string): void {
  if (!holds) throw new BrokenPromise(what);
}
