// What an agent may send to the CCM.

import { z } from 'zod';
import type { AgentMessage } from '../../model/messages.ts';
import { leaderAgentSchemas } from '../relay/leader-schemas.ts';
import { treeAgentSchemas } from '../relay/tree-schemas.ts';
import { isJsonWithin } from './bounded-json.ts';
import {
  assignmentIdSchema,
  countSchema,
  heldTreeSchema,
  nameSchema,
  objectIdSchema,
  releaseSchema,
  requestIdSchema,
  signedDecisionSchema,
  signedReceiptSchema,
  timeSchema,
  wireErrorSchema,
} from './field-schemas.ts';
import { sitesMax } from './limits.ts';
import { segmentAgentSchemas } from './segment-schemas.ts';

const labelsMax = 32;
const urlMapCharactersMax = 65_536;

/** Labels of a node: what content groups select by. */
export const labelsSchema = z
  .record(
    z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/),
    z.string().regex(/^[^\p{Cc}]{0,128}$/u),
  )
  .refine((labels) => Object.keys(labels).length <= labelsMax, `more than ${labelsMax} labels`);

const holdingSchema = z.strictObject({
  site: nameSchema,
  live: heldTreeSchema.nullable(),
  backup: heldTreeSchema.nullable(),
  staged: heldTreeSchema.nullable(),
  lastDecision: signedDecisionSchema.nullable(),
  executed: z.boolean(),
});

export const helloSchema = z.strictObject({
  type: z.literal('hello'),
  protocols: z.array(z.int().min(1).max(65_535)).min(1).max(16),
  agentVersion: z.string().min(1).max(64),
  node: nameSchema,
  profiles: z.array(z.string().min(1).max(64)).max(16),
  url: z.string().max(512).nullable(),
  labels: labelsSchema,
  freeBytes: countSchema,
  freeInodes: countSchema,
  sites: z
    .array(holdingSchema)
    .max(sitesMax)
    .refine((sites) => new Set(sites.map(({ site }) => site)).size === sites.length, 'a site twice'),
});

const onAssignment = { site: nameSchema, assignment: assignmentIdSchema };

const driftSchema = z.strictObject({
  path: z.string().max(16_384),
  problem: z.enum(['content', 'mode', 'owner', 'missing', 'extra', 'type']),
});

export const agentMessageSchema: z.ZodType<AgentMessage> = z.discriminatedUnion('type', [
  helloSchema,
  ...segmentAgentSchemas,
  ...leaderAgentSchemas,
  ...treeAgentSchemas,
  z.strictObject({ type: z.literal('held'), ...onAssignment }),
  z.strictObject({
    type: z.literal('progress'),
    ...onAssignment,
    receivedBytes: countSchema,
    commandsDone: countSchema,
  }),
  z.strictObject({ type: z.literal('staged'), ...onAssignment, receipt: signedReceiptSchema }),
  z.strictObject({
    type: z.literal('stageFailed'),
    ...onAssignment,
    release: releaseSchema,
    error: wireErrorSchema,
  }),
  z.strictObject({ type: z.literal('switched'), site: nameSchema, receipt: signedReceiptSchema }),
  z.strictObject({
    type: z.literal('stale'),
    site: nameSchema,
    release: releaseSchema,
    live: z.strictObject({ release: releaseSchema, tree: objectIdSchema }).nullable(),
    error: wireErrorSchema,
  }),
  z.strictObject({
    type: z.literal('siteFacts'),
    site: nameSchema,
    urlMap: z
      .record(z.string().max(64), z.unknown())
      .refine(
        (map) => isJsonWithin(map, urlMapCharactersMax),
        `more than ${urlMapCharactersMax} characters, or nested too deeply`,
      ),
  }),
  z.strictObject({ type: z.literal('undone'), site: nameSchema, release: releaseSchema }),
  z.strictObject({
    type: z.literal('drift'),
    site: nameSchema,
    paths: z.array(driftSchema.extend({ since: timeSchema })).max(100),
    count: countSchema,
    mended: z.array(driftSchema).max(100),
    passedAt: timeSchema.nullable(),
  }),
  z.strictObject({
    type: z.literal('mend'),
    site: nameSchema,
    tree: objectIdSchema,
    paths: z.array(z.string().min(1).max(16_384)).min(1).max(500),
  }),
  z.strictObject({
    type: z.literal('verified'),
    request: requestIdSchema,
    site: nameSchema,
    receipt: signedReceiptSchema,
    drift: z.array(driftSchema).max(100),
    error: wireErrorSchema.exactOptional(),
  }),
]);
