// Site policies as they are written in a YAML file: any of the fields of SitePolicy; what is left out stays as it is.

import { z } from 'zod';
import { ownerPattern, type SitePolicy } from '../model/site.ts';
import {
  siteCommandNamePattern,
  siteCommandsMax,
  siteCommandsProblem,
  siteParameterPattern,
} from '../model/site-command-rule.ts';
import { rateLimitSchema } from '../net/link/rate-limit-schema.ts';

const quorum = z.strictObject({
  count: z.int().min(0).max(100_000).describe('At least this many members'),
  share: z.number().min(0).max(1).describe('and at least this share of the members not in maintenance.'),
});
const batch = z.strictObject({
  count: z.int().min(0).max(100_000).describe('This many nodes at a time'),
  share: z
    .number()
    .min(0)
    .max(1)
    .describe('or this share of those that take part, whichever is more; always at least one.'),
});
const octalMode = z
  .string()
  .regex(/^[0-7]{3,4}$/, 'Is not a file mode: write octal digits in quotes, such as "644"');

const ownerName = z
  .string()
  .regex(ownerPattern, 'Is not a name or number: write such as www-data, or "33" in quotes')
  .nullable();

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
    nameClashes: z
      .enum(['refuse', 'allow'])
      .describe('Whether a push may add names that differ by case or by the spelling of accents alone.'),
    start: quorum.describe('Members that must be connected before a job starts.'),
    commit: z
      .union([z.literal('all'), quorum])
      .describe('Members that must have staged before the switch: all that started, or a quorum.'),
    autonomous: z.boolean().describe('Each node goes live as soon as it has staged.'),
    drain: z
      .strictObject({
        batch: batch.describe('Nodes that are out of service at a time for a publish, at most.'),
        minInService: quorum.describe(
          'Members that stay in service; a node that cannot be spared is switched while it serves.',
        ),
        onFailure: z
          .enum(['hold', 'force'])
          .describe(
            'A node that could not be taken out: hold leaves it in service with its former tree, force switches it all the same.',
          ),
        settleMs: z.exactOptional(
          z
            .int()
            .min(1_000)
            .max(3_600_000)
            .describe(
              'How long the nodes of a batch have to switch after the last sign of progress (30000).',
            ),
        ),
      })
      .nullable()
      .describe(
        'A publish takes nodes out of their load balancers, switches them and puts them back, batch by batch; null switches all at once.',
      ),
    commands: z
      .array(
        z.strictObject({
          name: z
            .string()
            .regex(siteCommandNamePattern, 'Is not a command: write PLUGIN.COMMAND')
            .describe('PLUGIN.COMMAND, of a plugin on the nodes.'),
          parameters: z
            .record(z.string().regex(siteParameterPattern, 'Is not a name of a parameter'), z.unknown())
            .describe('What the command is given; see the plugin.'),
        }),
      )
      .max(siteCommandsMax)
      .check((context) => {
        const message = siteCommandsProblem(context.value);
        if (message !== undefined) context.issues.push({ code: 'custom', message, input: context.value });
      })
      .describe(
        'Commands for plugins on the nodes, at the end of every assignment; a change applies from the next publish.',
      ),
    drift: z
      .strictObject({
        action: z
          .enum(['repair', 'report'])
          .describe(
            'Files that were changed on a node are put right as soon as they are found, or only told.',
          ),
        extra: z
          .enum(['remove', 'report'])
          .describe('What lies in the live tree and is no part of it; removed only where drift is repaired.'),
        ignore: z
          .array(z.string().min(1).max(1000))
          .max(100)
          .describe('Globs of paths that are neither looked at nor touched.'),
      })
      .describe('What becomes of files of the live tree that somebody changed on a node.'),
    fileMode: octalMode.describe('Mode of files on disk.'),
    executableMode: octalMode.describe('Mode of executable files on disk.'),
    directoryMode: octalMode.describe('Mode of directories on disk.'),
    owner: ownerName.describe(
      'User that everything in the trees belongs to, a name or number of each node; null: the agent’s own. Agents need capabilities for another: docs/operating.md.',
    ),
    group: ownerName.describe(
      'Group of everything in the trees; null: the agent’s own. One that the agent is a member of needs no capability.',
    ),
    rate: rateLimitSchema
      .nullable()
      .describe(
        'What a group leader may send of the site by multicast, in each segment; null: as the segment’s own limit says.',
      ),
    wanRate: rateLimitSchema
      .nullable()
      .describe(
        'What each group leader may send of the site to other segments, and what it may fetch of it from elsewhere, each by itself; null: as the segment’s own limit says.',
      ),
  } satisfies Record<keyof SitePolicy, z.ZodType>)
  .partial();
