// The options that all simulations have: which seeds, with which planted mistake, told how.

import { z } from 'zod';
import { TreecastError } from '../model/treecast-error.ts';
import { count } from './input-schemas.ts';

const seedNumber = z
  .string()
  .regex(/^\d{1,16}$/, 'Is not a whole number')
  .transform(Number)
  .refine(Number.isSafeInteger, 'Is too large: 2^53 - 1 is the last seed');

export const seedFlags = [
  { flags: '--seeds <count>', summary: 'how many seeds to run (default: 100)' },
  { flags: '--first-seed <seed>', summary: 'the first of them (default: 1)' },
  { flags: '--trace', summary: 'print everything that happens in a single seed' },
  { flags: '--mutate <name>', summary: 'with one planted mistake; see --list-mutants' },
  { flags: '--list-mutants', summary: 'name the planted mistakes' },
] as const;

export const seedInputs = {
  seeds: count.refine((value) => value > 0, 'Has to be at least 1').default(100),
  firstSeed: seedNumber.default(1),
  trace: z.boolean().default(false),
  mutate: z.string().optional(),
  listMutants: z.boolean().default(false),
};

interface SeedChoice {
  readonly seeds: number;
  readonly firstSeed: number;
  readonly trace: boolean;
  readonly mutant: string | null;
}

/** Throws INVALID_INPUT for what makes no sense. */
export function checkSeedChoice(
  { seeds, firstSeed, trace, mutant }: SeedChoice,
  mutants: readonly string[],
): void {
  if (mutant !== null && !mutants.includes(mutant)) {
    throw new TreecastError('INVALID_INPUT', `--mutate: there is no mistake named ${mutant}.`, {
      fix: `Use one of ${mutants.join(', ')}.`,
    });
  }
  if (!Number.isSafeInteger(firstSeed + seeds)) {
    throw new TreecastError('INVALID_INPUT', '--first-seed: is too large for so many seeds.', {
      fix: 'Seeds end at 2^53 - 1.',
    });
  }
  if (trace && seeds !== 1) {
    throw new TreecastError('INVALID_INPUT', '--trace: is for a single seed.', { fix: 'Add --seeds 1.' });
  }
}
