// Schemas of the fields that messages of both directions share. Strict and bounded.

import { z } from 'zod';
import { namePattern } from '../../model/site.ts';
import type { WireError } from '../../model/treecast-error.ts';
import { isJsonWithin } from './bounded-json.ts';

export const nameSchema = z.string().max(64).regex(namePattern);
export const objectIdSchema = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/);
export const assignmentIdSchema = z.string().regex(/^[0-9a-f]{64}$/);
export const requestIdSchema = z.string().min(1).max(64);
export const countSchema = z.int().min(0);
/** Milliseconds since 1970. */
export const timeSchema = z.int().min(0);
export const signatureSchema = z.string().regex(/^[A-Za-z0-9+/]{86}==$/);

export const releaseSchema = z.strictObject({
  epoch: z.int().min(0).max(999_999_999),
  sequence: z.int().min(0).max(999_999_999_999),
});

export const heldTreeSchema = z.strictObject({ release: releaseSchema, tree: objectIdSchema });

export const signedDecisionSchema = z.strictObject({
  version: z.literal(1),
  site: nameSchema,
  release: releaseSchema,
  kind: z.enum(['commit', 'rollback']),
  fromTree: objectIdSchema.nullable(),
  toTree: objectIdSchema,
  decidedAt: timeSchema,
  signature: signatureSchema,
});

export const signedReceiptSchema = z.strictObject({
  version: z.literal(1),
  node: nameSchema,
  site: nameSchema,
  phase: z.enum(['staged', 'switched', 'verified']),
  scope: z.enum(['changed', 'full']),
  release: releaseSchema.nullable(),
  tree: objectIdSchema.nullable(),
  at: timeSchema,
  hooks: z
    .array(
      z.strictObject({
        plugin: nameSchema,
        hook: z.string().regex(/^[A-Za-z]{1,32}$/),
        ms: countSchema,
        ok: z.boolean(),
        note: z.string().max(500).exactOptional(),
      }),
    )
    .max(200)
    .exactOptional(),
  signature: signatureSchema,
});

const dataCharactersMax = 8_192;

/** A code that this build does not know is let through (another version's); `fromWireError` makes it BUG. */
export const wireErrorSchema: z.ZodType<WireError> = z.strictObject({
  code: z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/) as unknown as z.ZodType<WireError['code']>,
  message: z.string().max(4_096),
  fix: z.string().max(1_024).exactOptional(),
  data: z
    .record(z.string().max(64), z.unknown())
    .refine((data) => isJsonWithin(data, dataCharactersMax))
    .exactOptional(),
});
