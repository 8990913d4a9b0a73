// The assignment header as it may arrive (ASG-8 to ASG-13): strict, every problem reported together, sizes that agree.

import * as z from 'zod';
import {
  type AssignmentHeader,
  assignmentTypes,
  ciphers,
  codecs,
  commandSetProfiles,
} from '../model/assignment.ts';
import { namePattern } from '../model/site.ts';
import { hashBytes, plainBlockCount, sealedBlockCount, tagBytes } from './block-layout.ts';
import { commandKinds } from './command-schema.ts';
import { malformed } from './malformed.ts';
import { describeIssues } from './schema-issues.ts';
import { base64Schema, byteCountSchema, objectIdSchema } from './schema-parts.ts';

/** Plain bytes of an assignment's data (ASG-3); a job splits into parts when it must. */
export const dataPlainBytesMax = 4 * 1024 ** 3;
/** Commands of one assignment, all kinds together. */
export const commandsMax = 4_000_000;

const count = z.int().min(0).max(commandsMax);

const headerSchema = z
  .strictObject({
    format: z.literal(1),
    profile: z.enum(commandSetProfiles),
    id: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hex digits'),
    site: z.string().regex(namePattern, 'is not a name'),
    release: z.strictObject({
      epoch: z.int().min(0).max(999_999_999),
      sequence: z.int().min(0).max(999_999_999_999),
    }),
    part: z
      .strictObject({ index: z.int().min(1).max(65_535), of: z.int().min(1).max(65_535) })
      .refine((part) => part.index <= part.of, 'index is above of'),
    type: z.enum(assignmentTypes),
    baseTree: objectIdSchema,
    targetTree: objectIdSchema,
    createdAt: z.int().min(0).max(253_402_300_799),
    space: z.strictObject({
      inboxBytes: byteCountSchema,
      decodedBytes: byteCountSchema,
      temporaryBytes: byteCountSchema,
      inodes: byteCountSchema,
    }),
    counts: z.strictObject(
      Object.fromEntries(commandKinds.map((kind) => [kind, z.exactOptional(count.min(1))])) as Record<
        (typeof commandKinds)[number],
        z.ZodExactOptional<z.ZodInt>
      >,
    ),
    codecs: z.array(z.enum(codecs)).max(codecs.length),
    ciphers: z.array(z.enum(ciphers)).max(ciphers.length),
    data: z.strictObject({
      bytes: byteCountSchema,
      sealedBlocks: byteCountSchema,
      sealedPayloadBytes: byteCountSchema,
      plainPayloadBytes: byteCountSchema,
      hashes: base64Schema.max(2_000_000),
    }),
    key: z
      .strictObject({ contentKeyId: z.string().min(1).max(128), wrapped: base64Schema.length(56) })
      .nullable(),
  })
  .superRefine((header, context) => {
    for (const message of disagreements(header)) context.addIssue({ code: 'custom', message });
  });

/** Throws ASSIGNMENT_MALFORMED naming every problem. */
export function parseHeader(value: unknown): AssignmentHeader {
  const parsed = headerSchema.safeParse(value);
  if (!parsed.success) {
    const problems = describeIssues(parsed.error);
    throw malformed(`header: ${problems.join('; ')}`, { data: { problems } });
  }
  return parsed.data;
}

type ParsedHeader = Pick<
  AssignmentHeader,
  'data' | 'key' | 'baseTree' | 'targetTree' | 'codecs' | 'ciphers'
> & { readonly counts: Readonly<Record<string, number | undefined>> };

function* disagreements({
  data,
  key,
  baseTree,
  targetTree,
  codecs,
  ciphers,
  counts,
}: ParsedHeader): Generator<string> {
  const plainBytes = data.sealedPayloadBytes + data.plainPayloadBytes;
  const blocks = data.sealedBlocks + plainBlockCount(data.plainPayloadBytes);
  if (plainBytes > dataPlainBytesMax)
    yield `data: ${plainBytes} plain bytes are more than ${dataPlainBytesMax}`;
  if (data.sealedBlocks !== sealedBlockCount(data.sealedPayloadBytes))
    yield 'data: sealedBlocks does not fit sealedPayloadBytes';
  if (data.bytes !== plainBytes + data.sealedBlocks * tagBytes)
    yield 'data: bytes is not the sum of its blocks';
  if (data.hashes.length !== Math.ceil((blocks * hashBytes) / 3) * 4)
    yield `data: hashes are not those of ${blocks} blocks`;
  if ((key === null) !== (data.sealedBlocks === 0)) yield 'key: present exactly when something is sealed';
  if (baseTree.length !== targetTree.length) yield 'baseTree and targetTree are of different object formats';
  if (new Set(codecs).size !== codecs.length || new Set(ciphers).size !== ciphers.length)
    yield 'codecs or ciphers: repeated';
  let commands = 0;
  for (const kind of commandKinds) commands += counts[kind] ?? 0;
  if (commands > commandsMax) yield `counts: ${commands} commands are more than ${commandsMax}`;
}
