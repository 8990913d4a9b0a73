// Site policies as they are written in a YAML file: any of the fields of SitePolicy; what is left out stays as it is.

import { z } from 'zod';
import type { SitePolicy } from '../model/site.ts';

const quorum = z.strictObject({
  count: z.int().min(0).max(100_000).describe('At least this many members'),
  share: z.number().min(0).max(1).describe('and at least this share of the members not in maintenance.'),
});
const octalMode = z
  .string()
  .regex(/^[0-7]{3,4}$/, 'Is not a file mode: write octal digits in quotes, such as "644"');

export const sitePolicySchema = z
  .strictObject({
    compression: z
      .array(
        z.strictObject({
          glob: z.string().min(1).max(1000),
          codec: z.enum(['auto', 'store', 'deflate', 'zstd']),
        }),
      )
      .describe('The first matching glob decides; none means auto, the smallest.'),
    encryption: z
      .array(z.strictObject({ glob: z.string().min(1).max(1000), cipher: z.enum(['aes-256-gcm', 'none']) }))
      .describe('The first matching glob decides; none means sealed.'),
    deleteShareMax: z
      .number()
      .min(0)
      .max(1)
      .describe('A push that deletes more than this share of the live files is refused …'),
    deleteFilesMin: z.int().min(0).describe('… when it deletes at least this many.'),
    branchDeletion: z.enum(['refuse', 'allow']).describe('Whether the branch of the site may be deleted.'),
    start: quorum.describe('Members that must be connected before a job starts.'),
    commit: z
      .union([z.literal('all'), quorum])
      .describe('Members that must have staged before the switch: all that started, or a quorum.'),
    autonomous: z.boolean().describe('Each node goes live as soon as it has staged.'),
    fileMode: octalMode.describe('Mode of files on disk.'),
    executableMode: octalMode.describe('Mode of executable files on disk.'),
    directoryMode: octalMode.describe('Mode of directories on disk.'),
  } satisfies Record<keyof SitePolicy, z.ZodType>)
  .partial();
