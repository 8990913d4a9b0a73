// Runs MCTP sessions in the simulator: many seeds, each a session of its own with faults of its own, and says which break a rule.

import { z } from 'zod';
import { describeMctpPlan } from '../../sim/mctp/describe-mctp-fault.ts';
import { mctpMutantNames } from '../../sim/mctp/mctp-mutants.ts';
import { drawMctpPlan } from '../../sim/mctp/mctp-plan.ts';
import { answerSeeds } from '../answer-seeds.ts';
import { defineCommand } from '../command.ts';
import { count } from '../input-schemas.ts';
import { checkSeedChoice, seedFlags, seedInputs } from '../seed-options.ts';
import { createSessionTotals, sessionSeedLine } from '../session-simulation-lines.ts';

const receiversMax = 1000;
const plainBytesMax = 256;

export const simulateMctp = defineCommand({
  name: 'simulate mctp',
  summary: 'multicast sessions in virtual time, under faults drawn from seeds',
  details:
    'Each seed is a session of its own: one sender, its receivers, lost, doubled and late datagrams, and up to five faults such as crashes, full disks, forged frames and a sender that dies; a third of the seeds have loss alone. ' +
    'Progress goes to standard error. With --mutate one known mistake is made on purpose, and the run ends with the first seed that shows it: the exit code is 1 then.',
  options: [
    { flags: '--receivers <count>', summary: `who receives, 1 to ${receiversMax} (default: 16)` },
    { flags: '--loss <percent>', summary: 'of every datagram, both ways, 0 to 50 (default: drawn)' },
    {
      flags: '--plain-mb <count>',
      summary: `sessions of so many MB with loss alone, by parity, 1 to ${plainBytesMax}`,
    },
    ...seedFlags,
  ],
  examples: [
    { line: 'treecast simulate mctp --receivers 16 --seeds 1000 --json', explanation: 'on all processors' },
    {
      line: 'treecast simulate mctp --receivers 200 --loss 5 --plain-mb 16 --seeds 4 --json',
      explanation: 'what the wire carries for 200 receivers at 5 % loss',
    },
    {
      line: 'treecast simulate mctp --first-seed 17 --seeds 1 --trace',
      explanation: 'replays seed 17 with everything that happens in it',
    },
  ],
  kind: 'local',
  exits: ['ok', 'failed'],
  json: '`{"scenario":"mctp","receivers","loss","seeds","first_seed","violations","failed":[{"seed","checker","what","at_ms","replay"}],"mutant","virtual_s","wire_ratio","wire_ratio_by_arrived","complete","unicast","failed_receivers","faults","seconds"}` in the last line; `seeds` are those that were run, `wire_ratio` is that of seeds with loss alone and parity. With --list-mutants an array of names.',
  input: z.strictObject({
    receivers: count
      .refine((value) => value >= 1 && value <= receiversMax, `Has to be from 1 to ${receiversMax}`)
      .default(16),
    loss: z
      .string()
      .regex(/^\d{1,2}(?:\.\d{1,3})?$/, 'Is not a percentage')
      .transform((text) => Number(text) / 100)
      .refine((value) => value <= 0.5, 'Has to be from 0 to 50')
      .optional(),
    plainMb: count
      .refine((value) => value >= 1 && value <= plainBytesMax, `Has to be from 1 to ${plainBytesMax}`)
      .optional(),
    ...seedInputs,
  }),
  async run(input, { output, signal }) {
    const { receivers, plainMb, seeds, firstSeed, trace, listMutants } = input;
    if (listMutants) {
      output.answer(mctpMutantNames, () => mctpMutantNames);
      return 'ok';
    }
    const mutant = input.mutate ?? null;
    checkSeedChoice({ seeds, firstSeed, trace, mutant }, mctpMutantNames);
    const loss = input.loss ?? null;
    const task = { receivers, loss, mutant, ...(plainMb === undefined ? {} : { plainBytes: plainMb * 1e6 }) };
    if (seeds === 1) for (const line of describeMctpPlan(drawMctpPlan(firstSeed, task))) output.note(line);
    const totals = createSessionTotals({ receivers, loss, plainMb: plainMb ?? null, firstSeed, mutant });
    const run = { scenario: 'mctp', task, firstSeed, seeds, trace, totals, line: sessionSeedLine } as const;
    return answerSeeds(run, { output, signal });
  },
});
