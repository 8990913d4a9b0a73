// What CCM and group leaders tell each other of the tree, and what leaders bring each other (docs/spec/tree.md). Strict and bounded.

import { z } from 'zod';
import { manifestBytesMax } from '../../assignment/manifest-frame.ts';
import { segmentIdPattern } from '../../model/segment.ts';
import {
  ccmIdPattern,
  type NextLeader,
  type SignedHandOut,
  type TransferFigures,
  type TreeSource,
} from '../../model/tree-messages.ts';
import {
  assignmentIdSchema,
  countSchema,
  nameSchema,
  signatureSchema,
  timeSchema,
  wireErrorSchema,
} from '../link/field-schemas.ts';

/** Sources of one hand-out, and leaders that one is to notify at a time. */
export const treeSourcesMax = 2;
export const nextLeadersMax = 64;

const ccmSchema = z.string().regex(ccmIdPattern);
const addressSchema = z.string().min(2).max(64);
const portSchema = z.int().min(1).max(65_535);
const segmentSchema = z.string().regex(segmentIdPattern);
const partFields = { part: z.int().min(0).max(1), parts: z.union([z.literal(1), z.literal(2)]) };

const treeSourceSchema: z.ZodType<TreeSource> = z.union([
  z.strictObject({ ...partFields, node: nameSchema, address: addressSchema, port: portSchema }),
  z.strictObject({ ...partFields, node: z.null(), address: z.null(), port: z.null() }),
]);

export const signedHandOutSchema: z.ZodType<SignedHandOut> = z.strictObject({
  version: z.literal(1),
  purpose: z.literal('hand-out'),
  ccm: ccmSchema,
  job: z.string().max(128),
  site: nameSchema,
  assignment: assignmentIdSchema,
  manifestBytes: countSchema.max(manifestBytesMax),
  dataBytes: countSchema,
  node: nameSchema,
  segment: segmentSchema,
  number: countSchema,
  sources: z.array(treeSourceSchema).min(1).max(treeSourcesMax).refine(isWhole, 'each part once'),
  ticket: z.string().min(1).max(1_024),
  expiresAt: timeSchema,
  signature: signatureSchema,
});

function isWhole(sources: readonly TreeSource[]): boolean {
  return sources.every(({ part, parts }, index) => parts === sources.length && part === index);
}

const nextLeaderSchema: z.ZodType<NextLeader> = z.strictObject({
  node: nameSchema,
  address: addressSchema,
  port: portSchema,
  handOut: signedHandOutSchema,
});

export const treeCcmSchemas = [
  z.strictObject({
    type: z.literal('treeExpect'),
    ccm: ccmSchema,
    site: nameSchema,
    assignment: assignmentIdSchema,
    manifestBytes: countSchema.max(manifestBytesMax),
    dataBytes: countSchema,
  }),
  z.strictObject({ type: z.literal('handOut'), handOut: signedHandOutSchema }),
  z.strictObject({
    type: z.literal('treeNextAnswer'),
    ccm: ccmSchema,
    assignment: assignmentIdSchema,
    next: z.array(nextLeaderSchema).max(nextLeadersMax),
    more: z.enum(['later', 'none']),
  }),
  z.strictObject({ type: z.literal('treeEnd'), ccm: ccmSchema, assignment: assignmentIdSchema }),
] as const;

const figuresSchema: z.ZodType<TransferFigures> = z.strictObject({
  node: nameSchema.nullable(),
  bytes: countSchema,
  ms: countSchema,
  delayMs: z.number().min(0).max(600_000).nullable(),
});

export const treeAgentSchemas = [
  z.strictObject({
    type: z.literal('treeState'),
    ccm: ccmSchema,
    assignment: assignmentIdSchema,
    state: z.enum(['waiting', 'fetching', 'held', 'failed']),
    number: countSchema,
    blocks: countSchema,
    heldBlocks: countSchema,
    figures: z.array(figuresSchema).max(32),
    error: wireErrorSchema.nullable(),
  }),
  z.strictObject({
    type: z.literal('treeNext'),
    ccm: ccmSchema,
    assignment: assignmentIdSchema,
    heldBlocks: countSchema,
    room: z.int().min(0).max(nextLeadersMax),
    unreached: z
      .array(z.strictObject({ node: nameSchema, trouble: z.enum(['unreachable', 'refused']) }))
      .max(nextLeadersMax),
  }),
  z.strictObject({
    type: z.literal('treeSourceLost'),
    ccm: ccmSchema,
    assignment: assignmentIdSchema,
    number: countSchema,
    source: nameSchema.nullable(),
    trouble: z.enum(['unreachable', 'lacks', 'corrupt', 'slow', 'refused', 'none']),
    heldBlocks: countSchema,
  }),
] as const;
