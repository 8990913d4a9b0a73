// What is said over a leader's link (LEAD-1 to LEAD-9), in both directions. Strict and bounded.

import { z } from 'zod';
import type { RelayedMessage, SignedFrame } from '../../model/leader-messages.ts';
import { segmentIdPattern, segmentMembersMax } from '../../model/segment.ts';
import {
  assignmentIdSchema,
  countSchema,
  nameSchema,
  releaseSchema,
  signatureSchema,
  wireErrorSchema,
} from '../link/field-schemas.ts';

export const sessionSchema = z.string().regex(/^[0-9a-f]{32}$/);
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

/** `relayed`: the schema of what may be carried, which is part of the same union. */
export const leaderCcmSchemas = (relayed: z.ZodType<RelayedMessage>) =>
  [
    z.strictObject({
      type: z.literal('leaderSession'),
      segment: z.string().regex(segmentIdPattern),
      session: sessionSchema.nullable(),
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
] as const;
