// What the operator of a node allows: where configuration files may be put, and by which programs they are judged and taken up.
// Commands name validators and reloads; they never bring a program of their own.

import { z } from 'treecast/plugin';

const absoluteGlob = z
  .string()
  .max(4096)
  .regex(/^\/[^\0]+$/, 'must be an absolute path, with * or ** where it may vary');

const programName = z.string().min(1).max(4096);
const args = z.array(z.string().max(4096)).max(100);
const seconds = z.number().positive().max(600);

/** What a validator's or reload's name looks like. */
export const actionName = z.string().regex(/^[a-z0-9][a-z0-9_.-]{0,62}$/, 'is not a name');

const validatorSchema = z
  .strictObject({
    program: programName.describe('The program; exit code 0 means that the file is good.'),
    args: args
      .default(['{file}'])
      .describe('Its arguments; {file} becomes the path of a copy before, of the file itself in place.'),
    validateInPlace: z
      .boolean()
      .default(false)
      .describe('Whether it is run once more after the file was replaced, before the reload.'),
    timeoutSeconds: seconds.default(30).describe('How long it may take.'),
  })
  .refine(({ args: words, validateInPlace }) => validateInPlace || words.some(namesFile), {
    message: 'has no argument with {file}: add one, or set validateInPlace',
    path: ['args'],
  });

const reloadSchema = z.strictObject({
  program: programName.describe('The program that makes the service read its configuration.'),
  args: args.default([]).describe('Its arguments.'),
  timeoutSeconds: seconds.default(30).describe('How long it may take.'),
  verify: z
    .strictObject({
      program: programName.describe('The program whose exit code 0 says that the service works.'),
      args: args.default([]).describe('Its arguments.'),
      waitSeconds: z.number().min(0).max(600).default(10).describe('How long it is asked again.'),
      steadySeconds: z
        .number()
        .min(0)
        .max(60)
        .default(1)
        .describe('It is asked once more after this time: a reload may take effect later.'),
    })
    .optional()
    .describe('How it is seen that the service works after the reload.'),
});

export const configFileConfigSchema = z.strictObject({
  allow: z
    .array(absoluteGlob)
    .max(1000)
    .default([])
    .describe('Globs of absolute paths where files may be put. Empty: nowhere.'),
  validators: z
    .record(actionName, validatorSchema)
    .default({})
    .describe('Programs that judge a file, by the name that commands call them.'),
  reloads: z
    .record(actionName, reloadSchema)
    .default({})
    .describe('Programs that make a service read its configuration, by the name that commands call them.'),
  requireValidate: z.boolean().default(true).describe('Whether a command without `validate` is refused.'),
});

export type ConfigFileConfig = z.output<typeof configFileConfigSchema>;
export type Validator = ConfigFileConfig['validators'][string];
export type Reload = ConfigFileConfig['reloads'][string];

export function namesFile(word: string): boolean {
  return word.includes('{file}');
}
