// What is said over a leader's link (LEAD-1 to LEAD-9), in both directions. Strict and bounded.

import { z } from 'zod';
import type { RelayedMessage, SignedFrame } from '../../model/leader-messages.ts';
import {
  incompleteMax,
  type MulticastReceiver,
  type MulticastSession,
  multicastStates,
  sessionsTold,
} from '../../model/multicast-session.ts';
import { segmentIdPattern, segmentMembersMax } from '../../model/segment.ts';
import {
  assignmentIdSchema,
  countSchema,
  nameSchema,
  releaseSchema,
  signatureSchema,
  wireErrorSchema,
} from '../link/field-schemas.ts';
import { sitesMax } from '../link/limits.ts';
import { rateLimitSchema } from '../link/rate-limit-schema.ts';

export const sessionSchema = z.string().regex(/^[0-9a-f]{32}$/);
const shareSchema = z.number().min(0).max(1);
const sentenceSchema = z.string().max(1_024);
const { complete: _, ...incompleteStates } = z.enum(multicastStates).enum;
const receiverSchema: z.ZodType<MulticastReceiver> = z.strictObject({
  node: nameSchema,
  state: z.enum(incompleteStates),
  loss: shareSchema,
  why: sentenceSchema.nullable(),
});
const multicastSessionSchema: z.ZodType<MulticastSession> = z.strictObject({
  id: z.string().regex(/^[0-9a-f]{8}$/),
  site: nameSchema,
  assignment: assignmentIdSchema,
  group: z.union([z.ipv4(), z.ipv6()]),
  port: z.int().min(1).max(65_535),
  repair: z.enum(['arq', 'fec']),
  isRunning: z.boolean(),
  tookMs: countSchema,
  blocks: countSchema,
  blocksSent: countSchema,
  sentBytes: countSchema,
  bytesPerSecond: countSchema,
  bytesPerSecondMax: countSchema.nullable(),
  loss: shareSchema,
  repairShare: shareSchema,
  receivers: z.strictObject({
    invited: countSchema,
    absent: countSchema,
    receiving: countSchema,
    complete: countSchema,
    failed: countSchema,
    unicast: countSchema,
  }),
  incomplete: z.array(receiverSchema).max(incompleteMax),
  problem: sentenceSchema.nullable(),
});
const nodesSchema = z.array(nameSchema).max(segmentMembersMax);

export const signedFrameSchema: z.ZodType<SignedFrame> = z.strictObject({
  version: z.literal(1),
  purpose: z.literal('relayed'),
  session: sessionSchema,
  node: nameSchema,
  counter: countSchema,
  text: z.string(),
  signature: signatureSchema,
});

const limitsShape = {
  segment: rateLimitSchema.nullable(),
  sites: z
    .record(nameSchema, rateLimitSchema)
    .refine((sites) => Object.keys(sites).length <= sitesMax, `more than ${sitesMax} sites`),
};

/** `relayed`: the schema of what may be carried, which is part of the same union. */
export const leaderCcmSchemas = (relayed: z.ZodType<RelayedMessage>) =>
  [
    z.strictObject({
      type: z.literal('leaderSession'),
      segment: z.string().regex(segmentIdPattern),
      session: sessionSchema.nullable(),
    }),
    z.strictObject({
      type: z.literal('leaderLimits'),
      ...limitsShape,
      wan: z.strictObject(limitsShape).exactOptional(),
    }),
    z.strictObject({ type: z.literal('relay'), nodes: nodesSchema.min(1), message: relayed }),
    z.strictObject({
      type: z.literal('relayAnswer'),
      node: nameSchema,
      answer: z.enum(['behind', 'call', 'refused']),
      error: wireErrorSchema.nullable(),
    }),
  ] as const;

export const leaderAgentSchemas = [
  z.strictObject({
    type: z.literal('relayOpen'),
    certificate: z
      .string()
      .max(4_096)
      .regex(/^[A-Za-z0-9+/]+={0,2}$/),
    frame: signedFrameSchema,
  }),
  z.strictObject({ type: z.literal('relayed'), frames: z.array(signedFrameSchema).min(1).max(4_096) }),
  z.strictObject({
    type: z.literal('relayClosed'),
    node: nameSchema,
    because: z.enum(['link', 'missing', 'left']),
  }),
  z.strictObject({
    type: z.literal('roundReport'),
    site: nameSchema,
    release: releaseSchema,
    phase: z.enum(['staged', 'switched']),
    reported: countSchema,
    working: nodesSchema,
    missing: nodesSchema,
  }),
  z.strictObject({
    type: z.literal('leaderProblem'),
    site: nameSchema,
    assignment: assignmentIdSchema,
    error: wireErrorSchema,
  }),
  z.strictObject({
    type: z.literal('leaderTraffic'),
    servedBytes: countSchema,
    fetchedBytes: countSchema,
    tookMs: countSchema,
    bytesPerSecondMax: countSchema.nullable(),
  }),
  z.strictObject({
    type: z.literal('leaderSessions'),
    sessions: z.array(multicastSessionSchema).min(1).max(sessionsTold),
  }),
] as const;
