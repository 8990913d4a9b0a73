// Runs distributions down the tree of leaders in the simulator: one as it is given, in which nothing happens, or many seeds with faults.

import { z } from 'zod';
import { describeTreePlan } from '../../sim/tree/describe-tree-fault.ts';
import { treeMutantNames } from '../../sim/tree/tree-mutants.ts';
import { drawTreePlan } from '../../sim/tree/tree-plan.ts';
import { answerSeeds } from '../answer-seeds.ts';
import { defineCommand } from '../command.ts';
import { count } from '../input-schemas.ts';
import { checkSeedChoice, seedFlags, seedInputs } from '../seed-options.ts';
import { createTreeTotals, treeSeedLine } from '../tree-simulation-lines.ts';

const leadersMax = 20_000;
const bytesMax = 10e9;
const units: Readonly<Record<string, number>> = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9 };
const given = { leaders: 1000, bytes: 1e9, bytesPerSecond: 125e6, delayMs: 50 };
const seedsOfFaults = 100;

export const simulateTree = defineCommand({
  name: 'simulate tree',
  summary:
    'assignments down the tree of group leaders in virtual time, large ones or under faults drawn from seeds',
  details:
    'Without --seeds one distribution in which nothing happens: 1000 leaders, 1 GB, 1 Gbit/s and 50 ms one way unless it is said otherwise. ' +
    'With --seeds each seed is a distribution of its own, small if nothing else is said: leaders that die, lie, vanish or serve corrupt blocks, dead lines, partitions, restarts of the CCM, words that come late or twice; a third of them has no faults. ' +
    'Progress goes to standard error. With --mutate one known mistake is made on purpose, and the run ends with the first seed that shows it: the exit code is 1 then.',
  options: [
    { flags: '--leaders <count>', summary: `segments, each with a leader, 1 to ${leadersMax}` },
    { flags: '--members <count>', summary: 'nodes behind each leader (default: 50)' },
    { flags: '--size <size>', summary: 'of the assignment, such as 20KB, 50MB, 1GB (10^9 bytes)' },
    { flags: '--rate <rate>', summary: 'of every link, both ways, such as 100mbit, 1gbit' },
    { flags: '--delay <ms>', summary: 'one way between any two' },
    { flags: '--seeds <count>', summary: 'so many seeds, with faults' },
    ...seedFlags.filter(({ flags }) => flags !== '--seeds <count>'),
  ],
  examples: [
    {
      line: 'treecast simulate tree --leaders 10000 --members 50 --size 1GB --json',
      explanation: 'how long it takes, and what the CCM sends',
    },
    { line: 'treecast simulate tree --seeds 500 --json', explanation: 'with faults, on all processors' },
    {
      line: 'treecast simulate tree --first-seed 17 --seeds 1 --trace',
      explanation: 'replays seed 17 with everything that happens in it',
    },
  ],
  kind: 'local',
  exits: ['ok', 'failed'],
  json: '`{"scenario":"tree","leaders","members","bytes","bytes_per_second","delay_ms","seeds","first_seed","violations","failed":[{"seed","checker","what","at_ms","replay"}],"mutant","seconds","limit_s","ratio","bound_s","ccm_egress_ratio","messages","uplink_max_ratio","uplink_mean_ratio","virtual_s","faults","wall_s"}` in the last line; `seconds` is virtual time until the last node holds it, `limit_s` size through rate, `messages` are words at the CCM for each leader; with several seeds they are means over those in which nothing happened. With --list-mutants an array of names.',
  input: z.strictObject({
    leaders: count
      .refine((value) => value >= 1 && value <= leadersMax, `Has to be from 1 to ${leadersMax}`)
      .optional(),
    members: count.default(50),
    size: z
      .string()
      .regex(/^\d{1,6}(?:\.\d{1,3})?[KMG]?B$/, 'Is not a size: write for example 20KB, 50MB or 1GB')
      .refine((text) => bytesOf(text) >= 1 && bytesOf(text) <= bytesMax, 'Has to be from 1B to 10GB')
      .optional(),
    rate: z
      .string()
      .regex(/^\d{1,6}(?:\.\d{1,3})?[mg]bit$/, 'Is not a rate: write for example 100mbit or 1gbit')
      .refine((text) => rateOf(text) > 0, 'Has to be more than nothing')
      .optional(),
    delay: z
      .string()
      .regex(/^\d{1,4}(?:\.\d{1,3})?$/, 'Is not a number of milliseconds')
      .optional(),
    ...seedInputs,
    seeds: seedInputs.seeds.unwrap().optional(),
  }),
  async run(input, { output, signal }) {
    if (input.listMutants) {
      output.answer(treeMutantNames, () => treeMutantNames);
      return 'ok';
    }
    const { members, firstSeed, trace } = input;
    const mutant = input.mutate ?? null;
    const hasFaults = input.seeds !== undefined || mutant !== null || trace;
    const seeds = input.seeds ?? (hasFaults ? seedsOfFaults : 1);
    checkSeedChoice({ seeds, firstSeed, trace, mutant }, treeMutantNames);
    const drawn = hasFaults ? null : given;
    const task = {
      leaders: input.leaders ?? drawn?.leaders ?? null,
      bytes: input.size === undefined ? (drawn?.bytes ?? null) : bytesOf(input.size),
      bytesPerSecond: input.rate === undefined ? (drawn?.bytesPerSecond ?? null) : rateOf(input.rate),
      delayMs: input.delay === undefined ? (drawn?.delayMs ?? null) : Number(input.delay),
      ...{ members, hasFaults, mutant },
    };
    if (seeds === 1) for (const line of describeTreePlan(drawTreePlan(firstSeed, task))) output.note(line);
    const flags = (['leaders', 'members', 'size', 'rate', 'delay'] as const)
      .filter((name) => input[name] !== undefined && !(name === 'members' && members === 50))
      .map((name) => ` --${name} ${input[name]}`)
      .join('');
    const totals = createTreeTotals({ ...task, flags, firstSeed });
    const run = { scenario: 'tree', task, firstSeed, seeds, trace, totals, line: treeSeedLine } as const;
    return answerSeeds(run, { output, signal });
  },
});

function bytesOf(text: string): number {
  const [, figure, unit] = /^([\d.]+)([KMG]?B)$/.exec(text) ?? [];
  return Math.round(Number(figure) * (units[unit ?? ''] ?? 0));
}

/** Bytes a second. */
function rateOf(text: string): number {
  return (Number.parseFloat(text) * (text.endsWith('gbit') ? 1e9 : 1e6)) / 8;
}
