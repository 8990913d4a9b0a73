// The parameters of `program.install`, as the author of a site's policy wrote them. Decides what they mean, not whether this node allows it.

import { PluginError, treePathProblem, z } from 'treecast/plugin';
import { unitName } from './program-config.ts';

/** A name of the system's user or group data base, or a number. */
const account = z.union([
  z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'is no name of a user or group'),
  z.int().min(0).max(4_294_967_294),
]);

export const installParametersSchema = z.strictObject({
  from: z
    .string()
    .superRefine((path, context) => {
      const problem = treePathProblem(path);
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
    })
    .describe('Path of the program in the tree.'),
  to: z.string().max(4096).startsWith('/', 'must be an absolute path').describe('Where it is put.'),
  mode: z
    .string()
    .regex(/^0?[0-7][0-7][0-7]$/, 'must be three octal digits: set-user-id and the like are not set')
    .refine((mode) => (Number.parseInt(mode, 8) & 0o002) === 0, 'lets everybody write to it')
    .default('755')
    .transform((mode) => Number.parseInt(mode, 8))
    .describe('Permissions, in octal digits.'),
  owner: account.optional().describe('User it belongs to; default: the agent’s.'),
  group: account.optional().describe('Group it belongs to; default: the agent’s.'),
  restart: unitName.optional().describe('Unit that is restarted when the program changed.'),
  check: z
    .strictObject({
      args: z.array(z.string().max(4096)).max(100).default([]).describe('Arguments of that run.'),
    })
    .optional()
    .describe('Run the staged program before the switch; it has to end with 0.'),
});

export type InstallParameters = z.output<typeof installParametersSchema>;

/** Every problem at once. */
export function readInstallParameters(parameters: unknown): InstallParameters {
  const read = installParametersSchema.safeParse(parameters);
  if (read.success) return read.data;
  const problems = read.error.issues.map(
    ({ path, message }) => `${path.join('.') || 'parameters'}: ${message}`,
  );
  throw new PluginError(`program.install: ${problems.join('; ')}`, {
    fix: 'Correct `commands` in the policy of the site.',
    retryable: false,
  });
}
