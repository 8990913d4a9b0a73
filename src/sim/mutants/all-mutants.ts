// All planted mistakes, by name.

import { electionMutants } from './election-mutants.ts';
import type { Mutant } from './mutant.ts';
import { registrationMutants } from './registration-mutants.ts';
import { surroundingMutants } from './surrounding-mutants.ts';

export const allMutants: readonly Mutant[] = [
  ...electionMutants,
  ...registrationMutants,
  ...surroundingMutants,
];

export const mutantNames: readonly string[] = allMutants.map(({ name }) => name);

/** Throws RangeError for a name that is none. */
export function findMutant(name: string): Mutant {
  const found = allMutants.find((mutant) => mutant.name === name);
  if (found === undefined) throw new RangeError(`there is no mutant ${name}`);
  return found;
}
