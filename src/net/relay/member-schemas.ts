// What is said over a member's connection with its leader (LEAD-10), in both directions. Strict and bounded.

import { z } from 'zod';
import { segmentIdPattern, segmentMembersMax } from '../../model/segment.ts';
import { relayedMessageSchema } from '../link/ccm-message-schema.ts';
import { assignmentIdSchema, nameSchema, releaseSchema, wireErrorSchema } from '../link/field-schemas.ts';
import { agentMessageBytesMax } from '../link/limits.ts';
import { mctpJoinSchema, mctpNoticeSchema } from '../mctp/mctp-session.ts';
import { sessionSchema, signedFrameSchema } from './leader-schemas.ts';
import type { LeaderToMember, MemberToLeader } from './member-messages.ts';

/** Of a member's frame: what the leader says for it to the CCM, with the member's certificate around it, has to fit a frame of its link. */
export const memberMessageBytesMax = agentMessageBytesMax - 8_192;

const sessionNumberSchema = z.int().min(0).max(0xffff_ffff);
const roundIdSchema = z.string().min(1).max(64);
const spreadSchema = z.number().min(0).max(600_000);
const namesSchema = z.array(nameSchema).max(segmentMembersMax);

export const memberToLeaderSchema: z.ZodType<MemberToLeader> = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('open'), frame: signedFrameSchema }),
  z.strictObject({ type: z.literal('say'), frame: signedFrameSchema }),
  z.strictObject({ type: z.literal('report'), round: roundIdSchema, frame: signedFrameSchema }),
  z.strictObject({ type: z.literal('working'), round: roundIdSchema }),
  z.strictObject({
    type: z.literal('multicastJoin'),
    session: sessionNumberSchema,
    lacks: mctpJoinSchema.shape.lacks.nullable(),
  }),
]);

export const leaderToMemberSchema: z.ZodType<LeaderToMember> = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('session'),
    segment: z.string().regex(segmentIdPattern),
    session: sessionSchema.nullable(),
  }),
  z.strictObject({
    type: z.literal('answer'),
    answer: z.enum(['behind', 'call', 'refused']),
    error: wireErrorSchema.nullable(),
  }),
  z.strictObject({
    type: z.literal('work'),
    message: relayedMessageSchema,
    round: z
      .strictObject({
        id: roundIdSchema,
        site: nameSchema,
        release: releaseSchema,
        phase: z.enum(['staged', 'switched']),
        spreadMs: spreadSchema,
      })
      .nullable(),
    multicast: z.literal(true).exactOptional(),
  }),
  z.strictObject({
    type: z.literal('multicast'),
    assignment: assignmentIdSchema,
    notice: mctpNoticeSchema.nullable(),
  }),
  z.strictObject({
    type: z.literal('multicastFetch'),
    session: sessionNumberSchema,
    blocks: mctpJoinSchema.shape.lacks.nullable(),
  }),
  z.strictObject({ type: z.literal('fetchFromCcm'), assignment: assignmentIdSchema }),
  z.strictObject({
    type: z.literal('report-request'),
    round: roundIdSchema,
    asked: z.union([
      z.strictObject({ missing: namesSchema }),
      z.strictObject({
        received: namesSchema,
        after: nameSchema.nullable(),
        upTo: nameSchema.nullable(),
      }),
    ]),
    spreadMs: spreadSchema,
  }),
]);
