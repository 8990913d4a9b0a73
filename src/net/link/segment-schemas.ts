// What is said about segments over the link (LINK-42 to LINK-45), in both directions. Strict and bounded.

import { isIP } from 'node:net';
import { z } from 'zod';
import {
  electionStates,
  reportTriggers,
  type SegmentTiming,
  segmentIdPattern,
  segmentMembersMax,
  timingPresets,
} from '../../model/segment.ts';
import { countSchema, nameSchema } from './field-schemas.ts';
import { revocationsMax } from './limits.ts';

const segmentSchema = z.string().regex(segmentIdPattern);
const termSchema = countSchema;
const portSchema = z.int().min(1).max(65_535);
/** IPv4 or IPv6, the latter perhaps with its interface. */
const addressSchema = z
  .string()
  .max(64)
  .refine((text) => isIP(text) !== 0, 'no address');
const wordSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
/** Shown to people. */
const textSchema = z.string().max(256);
const countsSchema = z
  .record(wordSchema, countSchema)
  .refine((counts) => Object.keys(counts).length <= 32, 'more than 32');
const termsSchema = z
  .record(wordSchema, z.number())
  .refine((terms) => Object.keys(terms).length <= 32, 'more than 32');
const roleSchema = z.enum(['never', 'allowed', 'preassigned']);

export const channelSchema = z.strictObject({
  transport: z.enum(['multicast', 'unicast']),
  group: addressSchema.nullable(),
  port: portSchema,
});

const timerSchema = z.int().min(1).max(3_600_000).exactOptional();
export const timersSchema = z.strictObject({
  aliveMs: timerSchema,
  lostMs: timerSchema,
  triggerMinMs: timerSchema,
  listenMs: timerSchema,
  claimDelayMinMs: timerSchema,
  claimDelayMaxMs: timerSchema,
  windowMs: timerSchema,
  concedeMs: timerSchema,
  quietMs: timerSchema,
  quietMaxMs: timerSchema,
  retryMs: timerSchema,
  retryRandomMs: timerSchema,
  hereMs: timerSchema,
  silentMs: timerSchema,
  offlineMs: timerSchema,
  reportMs: timerSchema,
} satisfies Record<keyof SegmentTiming, z.ZodType>);

export const segmentCcmSchemas = [
  z.strictObject({
    type: z.literal('segment'),
    id: segmentSchema,
    name: nameSchema.nullable(),
    role: roleSchema,
    factor: z.number().min(0).max(100),
    maintenance: z.boolean(),
    channel: channelSchema,
    preset: z.enum(timingPresets),
    timers: timersSchema,
    peers: z
      .array(z.strictObject({ node: nameSchema, address: addressSchema, port: portSchema }))
      .max(segmentMembersMax),
    others: countSchema,
  }),
  z.strictObject({
    type: z.literal('segmentVerdict'),
    segment: segmentSchema,
    term: termSchema,
    accepted: z.strictObject({ leader: nameSchema, term: termSchema }).nullable(),
    assigned: segmentSchema.nullable(),
  }),
  z.strictObject({ type: z.literal('segmentAsked'), trigger: z.enum(['operator', 'ccm']) }),
  z.strictObject({ type: z.literal('segmentResign') }),
  z.strictObject({
    type: z.literal('revocations'),
    number: countSchema,
    fingerprints: z.array(z.string().regex(/^[0-9a-f]{64}$/)).max(revocationsMax),
  }),
] as const;

const memberSchema = z.strictObject({
  node: nameSchema,
  online: z.boolean(),
  address: addressSchema,
  port: portSchema,
  capabilities: z.array(wordSchema).max(32).nullable(),
  offer: z.strictObject({ maintenance: z.boolean(), freeBytes: countSchema, load: countSchema }).nullable(),
});

export const segmentAgentSchemas = [
  z.strictObject({
    type: z.literal('segmentReport'),
    segment: segmentSchema,
    term: termSchema,
    priority: z.number(),
    leader: nameSchema,
    list: countSchema,
    triggers: z.array(z.enum(reportTriggers)).min(1).max(reportTriggers.length),
    members: z
      .array(memberSchema)
      .max(segmentMembersMax)
      .refine((members) => new Set(members.map(({ node }) => node)).size === members.length, 'a node twice'),
    location: textSchema.nullable(),
    timeZone: textSchema,
    freeBytes: countSchema,
    cpus: countSchema,
    connections: countSchema,
  }),
  z.strictObject({
    type: z.literal('segmentState'),
    segment: segmentSchema,
    state: z.enum(electionStates),
    term: termSchema,
    leader: nameSchema.nullable(),
    priority: z.number(),
    priorityTerms: termsSchema,
    aliveAgoMs: countSchema.nullable(),
    address: addressSchema.nullable(),
    port: portSchema,
    transport: z.enum(['multicast', 'unicast']),
    reason: textSchema,
    heard: z.array(segmentSchema).max(16),
    dropped: countsSchema,
  }),
] as const;
