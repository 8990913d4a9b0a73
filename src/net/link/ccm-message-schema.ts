// What the CCM may send to an agent.

import { z } from 'zod';
import { inlineBytesMax } from '../../model/assignment.ts';
import type { RelayedMessage } from '../../model/leader-messages.ts';
import type { CcmMessage } from '../../model/messages.ts';
import { ownerPattern } from '../../model/site.ts';
import { leaderCcmSchemas } from '../relay/leader-schemas.ts';
import { treeCcmSchemas } from '../relay/tree-schemas.ts';
import {
  assignmentIdSchema,
  countSchema,
  nameSchema,
  releaseSchema,
  requestIdSchema,
  signedDecisionSchema,
  timeSchema,
  wireErrorSchema,
} from './field-schemas.ts';
import { contentKeysMax, sitesMax } from './limits.ts';
import { segmentCcmSchemas } from './segment-schemas.ts';

const octalModeSchema = z.string().regex(/^0?[0-7]{3}$/);
/** Base64 of at most an inline assignment. */
const inlineSchema = z.string().max(Math.ceil(inlineBytesMax / 3) * 4);
const urlSchema = z.string().min(1).max(2_048);

export const siteGrantSchema = z.strictObject({
  site: nameSchema,
  contentKeys: z
    .array(z.strictObject({ id: z.string().min(1).max(64), key: z.string().min(1).max(128) }))
    .max(contentKeysMax),
  policy: z.strictObject({
    autonomous: z.boolean(),
    fileMode: octalModeSchema,
    executableMode: octalModeSchema,
    directoryMode: octalModeSchema,
    drift: z
      .strictObject({
        action: z.enum(['repair', 'report']),
        extra: z.enum(['remove', 'report']),
        ignore: z.array(z.string().min(1).max(1_000)).max(100),
      })
      .exactOptional(),
    owner: z.string().regex(ownerPattern).exactOptional(),
    group: z.string().regex(ownerPattern).exactOptional(),
  }),
  lastDecision: signedDecisionSchema.nullable(),
});

/** SPKI in PEM; an Ed25519 one is 113 characters. */
export const releaseKeysSchema = z.array(z.string().min(1).max(1_024)).max(16);

const sourceSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('inline'), manifest: inlineSchema, data: inlineSchema }),
  z.strictObject({
    kind: z.literal('url'),
    manifestUrl: urlSchema,
    dataUrl: urlSchema,
    manifestBytes: countSchema,
    dataBytes: countSchema,
    ticket: z.string().min(1).max(1_024),
  }),
]);

/** What a leader may carry to its members, as well (LEAD-4). */
const carriedSchemas = [
  z.strictObject({
    type: z.literal('assignment'),
    site: nameSchema,
    id: assignmentIdSchema,
    release: releaseSchema,
    source: sourceSchema,
  }),
  z.strictObject({ type: z.literal('decision'), decision: signedDecisionSchema }),
  z.strictObject({ type: z.literal('abort'), site: nameSchema, release: releaseSchema }),
  z.strictObject({ type: z.literal('verify'), request: requestIdSchema, site: nameSchema }),
] as const;

export const relayedMessageSchema: z.ZodType<RelayedMessage> = z.discriminatedUnion('type', carriedSchemas);

export const ccmMessageSchema: z.ZodType<CcmMessage> = z.discriminatedUnion('type', [
  ...segmentCcmSchemas,
  ...leaderCcmSchemas(relayedMessageSchema),
  ...treeCcmSchemas,
  z.strictObject({
    type: z.literal('welcome'),
    protocol: z.int().min(1).max(65_535),
    ccmTime: timeSchema,
    releaseKeys: releaseKeysSchema,
    sites: z.array(siteGrantSchema).max(sitesMax),
  }),
  z.strictObject({ type: z.literal('refused'), error: wireErrorSchema }),
  z.strictObject({ type: z.literal('grant'), grant: siteGrantSchema }),
  z.strictObject({ type: z.literal('removed'), site: nameSchema }),
  ...carriedSchemas,
]);
