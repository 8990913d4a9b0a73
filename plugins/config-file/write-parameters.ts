// The parameters of `config-file.write`, as the author of a site's policy wrote them. Decides what they mean, not whether this node allows it.

import { PluginError, treePathProblem, z } from 'treecast/plugin';
import { actionName } from './config-file-config.ts';

export const writeParametersSchema = z.strictObject({
  from: z
    .string()
    .superRefine((path, context) => {
      const problem = treePathProblem(path);
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
    })
    .describe('Path of the file in the tree.'),
  to: z.string().max(4096).startsWith('/', 'must be an absolute path').describe('Where it is put.'),
  mode: z
    .string()
    .regex(/^0?[0-6][0-6][0-6]$/, 'must be three octal digits, and a configuration is no program')
    .refine((mode) => (Number.parseInt(mode, 8) & 0o113) === 0, 'lets everybody write to it, or run it')
    .default('644')
    .transform((mode) => Number.parseInt(mode, 8))
    .describe('Permissions, in octal digits.'),
  validate: actionName.optional().describe('Name of a validator of the node.'),
  reload: actionName.optional().describe('Name of a reload of the node.'),
});

export type WriteParameters = z.output<typeof writeParametersSchema>;

/** Every problem at once. */
export function readWriteParameters(parameters: unknown): WriteParameters {
  const read = writeParametersSchema.safeParse(parameters);
  if (read.success) return read.data;
  const problems = read.error.issues.map(
    ({ path, message }) => `${path.join('.') || 'parameters'}: ${message}`,
  );
  throw new PluginError(`config-file.write: ${problems.join('; ')}`, {
    fix: 'Correct `commands` in the policy of the site.',
    retryable: false,
  });
}
