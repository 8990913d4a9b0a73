// One command of an assignment's body as it may arrive (ASG-15 to ASG-19): strict, and consistent with the header.

import * as z from 'zod';
import {
  type AssignmentHeader,
  type Command,
  type CommandKind,
  ciphers,
  codecs,
  type Payload,
} from '../model/assignment.ts';
import { malformed } from './malformed.ts';
import { pathProblem } from './path-rule.ts';
import { describeIssues } from './schema-issues.ts';
import { byteCountSchema, objectIdSchema } from './schema-parts.ts';

export const commandKinds = [
  'mkdir',
  'rmdir',
  'write',
  'patch',
  'copy',
  'symlink',
  'mode',
  'remove',
  'verify',
  'plugin',
] as const satisfies readonly CommandKind[];

/** Linux's PATH_MAX with its NUL. */
const targetBytesMax = 4095;

const path = z.string().superRefine((text, context) => {
  const problem = pathProblem(text);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
});
const target = z
  .string()
  .min(1)
  .refine(
    (text) => !text.includes('\0') && text.isWellFormed() && Buffer.byteLength(text) <= targetBytesMax,
    'is not a symlink target',
  );
const mode = z.enum(['100644', '100755']);
const mtime = z.int().min(0).max(253_402_300_799);
const data = z.strictObject({
  offset: byteCountSchema,
  length: byteCountSchema,
  codec: z.enum(codecs),
  cipher: z.enum(ciphers),
});
const result = { path, mode, blob: objectIdSchema, size: byteCountSchema, mtime };

const commandSchema = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('mkdir'), path }),
  z.strictObject({ do: z.literal('rmdir'), path }),
  z.strictObject({ do: z.literal('write'), ...result, data }),
  z.strictObject({ do: z.literal('patch'), ...result, from: path, base: objectIdSchema, data }),
  z.strictObject({ do: z.literal('copy'), ...result, from: path }),
  z.strictObject({ do: z.literal('symlink'), path, target, mtime }),
  z.strictObject({ do: z.literal('mode'), path, mode, mtime }),
  z.strictObject({ do: z.literal('remove'), path }),
  z.strictObject({ do: z.literal('verify'), path, blob: objectIdSchema }),
  z.strictObject({
    do: z.literal('plugin'),
    // Namespaced: `plugin-name:command`.
    name: z
      .string()
      .max(128)
      .regex(/^[a-z0-9][a-z0-9.-]*:[a-z0-9][a-z0-9-]*$/, 'is not a namespaced command'),
    parameters: z.record(z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, 'is not a name'), z.unknown()),
    data: z.exactOptional(data),
  }),
]);

/** Parses command number `index` (from 0). Throws ASSIGNMENT_MALFORMED. */
export function parseCommand(value: unknown, header: AssignmentHeader, index: number): Command {
  const parsed = commandSchema.safeParse(value);
  if (!parsed.success) throw refused(index, describeIssues(parsed.error).join('; '));
  const command = parsed.data as Command;
  const problem = problemWith(command, header);
  if (problem !== undefined) throw refused(index, problem);
  return command;
}

function problemWith(command: Command, header: AssignmentHeader): string | undefined {
  const hexLength = header.targetTree.length;
  if ('blob' in command && command.blob.length !== hexLength) return 'blob is of another object format';
  switch (command.do) {
    case 'write':
      if (command.data.codec === 'zstd-base') return 'a write has no base';
      if (command.data.codec === 'store' && command.data.length !== command.size)
        return 'a stored payload is as long as the file';
      return payloadProblem(command.data, header);
    case 'patch':
      if (command.base.length !== hexLength) return 'base is of another object format';
      if (command.data.codec !== 'zstd-base') return 'a patch is encoded against its base';
      return payloadProblem(command.data, header);
    case 'plugin':
      if (command.data === undefined) return undefined;
      if (command.data.codec === 'zstd-base') return 'a plugin command has no base';
      return payloadProblem(command.data, header);
    default:
      return undefined;
  }
}

function payloadProblem(
  { offset, length, codec, cipher }: Payload,
  header: AssignmentHeader,
): string | undefined {
  const { sealedPayloadBytes, plainPayloadBytes } = header.data;
  const regionBytes = cipher === 'none' ? plainPayloadBytes : sealedPayloadBytes;
  if (offset + length > regionBytes) return 'data reaches beyond its region';
  if (!header.codecs.includes(codec)) return `codec ${codec} is not listed in the header`;
  if (!header.ciphers.includes(cipher)) return `cipher ${cipher} is not listed in the header`;
  return undefined;
}

function refused(index: number, problem: string): Error {
  return malformed(`command ${index + 1}: ${problem}`, { data: { command: index + 1 } });
}
