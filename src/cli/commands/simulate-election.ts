// Runs the election in the simulator: many seeds, each a segment of its own with faults of its own, and says which break a rule.

import { z } from 'zod';
import { segmentMembersMax } from '../../model/segment.ts';
import { mutantNames } from '../../sim/mutants/all-mutants.ts';
import { seedFaults } from '../../sim/seeds/run-seed.ts';
import { answerSeeds } from '../answer-seeds.ts';
import { defineCommand } from '../command.ts';
import { count } from '../input-schemas.ts';
import { checkSeedChoice, seedFlags, seedInputs } from '../seed-options.ts';
import { createSeedTotals, seedLine } from '../simulation-lines.ts';

export const simulateElection = defineCommand({
  name: 'simulate election',
  summary: 'elections and registrations of a segment in virtual time, under faults drawn from seeds',
  details:
    'Each seed is a segment of its own, about two minutes long: lost, late and doubled packets, partitions, crashes, pauses, wrong clocks, full disks; then calm, in which everything must be in order within its bounds. ' +
    'Progress goes to standard error. With --mutate one known mistake is made on purpose, and the run ends with the first seed that shows it: the exit code is 1 then.',
  options: [
    { flags: '--members <count>', summary: `nodes of the segment, 2 to ${segmentMembersMax} (default: 50)` },
    ...seedFlags,
  ],
  examples: [
    { line: 'treecast simulate election --members 50 --seeds 1000 --json', explanation: 'on all processors' },
    {
      line: 'treecast simulate election --first-seed 17 --seeds 1 --trace',
      explanation: 'replays seed 17 with everything that happens in it',
    },
  ],
  kind: 'local',
  exits: ['ok', 'failed'],
  json: '`{"scenario":"election","members","seeds","first_seed","violations","failed":[{"seed","checker","what","at_ms","replay"}],"mutant","virtual_s","elections","faults","seconds"}` in the last line; `seeds` are those that were run. With --list-mutants an array of names.',
  input: z.strictObject({
    members: count
      .refine((value) => value >= 2 && value <= segmentMembersMax, `Has to be from 2 to ${segmentMembersMax}`)
      .default(50),
    ...seedInputs,
  }),
  async run({ members, seeds, firstSeed, trace, mutate, listMutants }, { output, signal }) {
    if (listMutants) {
      output.answer(mutantNames, () => mutantNames);
      return 'ok';
    }
    const mutant = mutate ?? null;
    checkSeedChoice({ seeds, firstSeed, trace, mutant }, mutantNames);
    if (seeds === 1) for (const line of seedFaults(firstSeed, members)) output.note(line);
    const totals = createSeedTotals({ members, firstSeed, mutant });
    const run = {
      scenario: 'election',
      task: { members, mutant },
      firstSeed,
      seeds,
      trace,
      totals,
      line: seedLine,
    } as const;
    return answerSeeds(run, { output, signal });
  },
});
