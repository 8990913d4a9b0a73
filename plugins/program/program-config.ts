// What the operator of a node allows: where programs may be put, which units may be restarted, and how. Nothing is allowed by default.

import { z } from 'treecast/plugin';

export const unitName = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9@:._-]{0,254}$/, 'is no name of a unit');

const absoluteGlob = z
  .string()
  .max(4096)
  .regex(/^\/[^\0]+$/, 'must be an absolute path, with * or ** where it may vary');

const args = z.array(z.string().max(4096)).max(100);
const programName = z.string().min(1).max(4096);

export const programConfigSchema = z.strictObject({
  allow: z
    .array(absoluteGlob)
    .max(1000)
    .default([])
    .describe('Globs of absolute paths where programs may be put. Empty: nowhere.'),
  units: z
    .array(unitName)
    .max(1000)
    .default([])
    .describe('Units that a command may have restarted. Empty: none.'),
  runChecks: z
    .boolean()
    .default(false)
    .describe('Whether a command may have its staged program run, as the agent’s user, before the switch.'),
  restart: z
    .strictObject({
      program: programName.default('systemctl').describe('The program that restarts a unit.'),
      args: args.default(['restart', '{unit}']).describe('Its arguments; {unit} becomes the name.'),
      timeoutSeconds: z.number().positive().max(600).default(30).describe('How long it may take.'),
    })
    .prefault({})
    .describe('How a unit is restarted.'),
  verify: z
    .strictObject({
      program: programName
        .default('systemctl')
        .describe('The program whose exit code 0 says that a unit runs.'),
      args: args.default(['is-active', '{unit}']).describe('Its arguments; {unit} becomes the name.'),
      waitSeconds: z
        .number()
        .min(0)
        .max(600)
        .default(10)
        .describe('How long it is asked again until it says so.'),
      steadySeconds: z
        .number()
        .min(0)
        .max(60)
        .default(1)
        .describe('It is asked once more after this time: a unit may start and die at once.'),
    })
    .prefault({})
    .describe('How it is seen that a unit runs after a restart.'),
});

export type ProgramConfig = z.output<typeof programConfigSchema>;
