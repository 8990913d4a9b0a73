// Schemas that several endpoints' parameters, queries and bodies are made of.

import { z } from 'zod';
import { namePattern, ownerPattern, type SitePolicy } from '../../model/site.ts';
import {
  siteCommandNamePattern,
  siteCommandsMax,
  siteCommandsProblem,
  siteParameterPattern,
} from '../../model/site-command-rule.ts';
import { rateLimitSchema } from '../../net/link/rate-limit-schema.ts';
import { isBranchName, isLabelName, isLabelValue } from '../registry/names.ts';

export const name = z
  .string()
  .regex(
    namePattern,
    'must be 1–64 of a–z, 0–9, dot, underscore, hyphen, with a letter or digit at both ends',
  );

export const branch = z.string().refine(isBranchName, 'must be a branch name, without refs/heads/');

/** Ids that the CCM gave out. */
export const id = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/, 'must be an id');

export const labels = z
  .record(z.string(), z.string())
  .refine(
    (all) => Object.entries(all).every(([key, value]) => isLabelName(key) && isLabelValue(value)),
    'must be labels: names of letters, digits, . / _ - (at most 63), values of at most 128 characters',
  )
  .refine((all) => Object.keys(all).length <= 32, 'must be at most 32 labels');

export const wholeNumberText = z
  .string()
  .regex(/^\d{1,15}$/, 'must be a whole number')
  .transform(Number);

export const limit = wholeNumberText
  .refine((value) => value >= 1 && value <= 1_000, 'must be 1 to 1000')
  .default(100);

const glob = z.string().min(1).max(1_000);
const mode = z.string().regex(/^0?[0-7]{3}$/, 'must be an octal mode such as 644');
const ownerName = z.string().regex(ownerPattern, 'must be a name or number of a user or group').nullable();
const quorum = z.strictObject({ count: z.int().min(0).max(1_000_000), share: z.number().min(0).max(1) });

const policyFields = {
  compression: z
    .array(z.strictObject({ glob, codec: z.enum(['auto', 'store', 'deflate', 'zstd']) }))
    .max(1_000)
    .readonly(),
  encryption: z
    .array(z.strictObject({ glob, cipher: z.enum(['aes-256-gcm', 'none']) }))
    .max(1_000)
    .readonly(),
  deleteShareMax: z.number().min(0).max(1),
  deleteFilesMin: z.int().min(0),
  branchDeletion: z.enum(['refuse', 'allow']),
  nameClashes: z.enum(['refuse', 'allow']),
  start: quorum,
  commit: z.union([z.literal('all'), quorum]),
  autonomous: z.boolean(),
  drain: z
    .strictObject({
      batch: quorum,
      minInService: quorum,
      onFailure: z.enum(['hold', 'force']),
      settleMs: z.exactOptional(z.int().min(1_000).max(3_600_000)),
    })
    .nullable(),
  commands: z
    .array(
      z.strictObject({
        name: z.string().regex(siteCommandNamePattern, 'must be PLUGIN.COMMAND'),
        parameters: z.record(
          z.string().regex(siteParameterPattern, 'must be a name of a parameter'),
          z.unknown(),
        ),
      }),
    )
    .max(siteCommandsMax)
    .check((context) => {
      const message = siteCommandsProblem(context.value);
      if (message !== undefined) context.issues.push({ code: 'custom', message, input: context.value });
    })
    .readonly(),
  drift: z.strictObject({
    action: z.enum(['repair', 'report']),
    extra: z.enum(['remove', 'report']),
    ignore: z.array(glob).max(100).readonly(),
  }),
  fileMode: mode,
  executableMode: mode,
  directoryMode: mode,
  owner: ownerName,
  group: ownerName,
  rate: rateLimitSchema.nullable(),
  wanRate: rateLimitSchema.nullable(),
} satisfies Record<keyof SitePolicy, z.ZodType>;

/** Any of a site's policies. */
export const policy = z.strictObject(policyFields).partial();

/** Any of a site's policies; null goes back to the default. */
export const policyChange = z
  .strictObject({
    ...policyFields,
    compression: policyFields.compression.nullable(),
    encryption: policyFields.encryption.nullable(),
    deleteShareMax: policyFields.deleteShareMax.nullable(),
    deleteFilesMin: policyFields.deleteFilesMin.nullable(),
    branchDeletion: policyFields.branchDeletion.nullable(),
    nameClashes: policyFields.nameClashes.nullable(),
    start: policyFields.start.nullable(),
    commit: policyFields.commit.nullable(),
    autonomous: policyFields.autonomous.nullable(),
    commands: policyFields.commands.nullable(),
    drift: policyFields.drift.nullable(),
    fileMode: policyFields.fileMode.nullable(),
    executableMode: policyFields.executableMode.nullable(),
    directoryMode: policyFields.directoryMode.nullable(),
  })
  .partial();
