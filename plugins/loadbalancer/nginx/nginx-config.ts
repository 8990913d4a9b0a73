// The keys of a `kind: nginx` balancer.

import { z } from 'treecast/plugin';
import { absolutePath, serverFileKeys } from '../server-file-keys.ts';

export const nginxKeys = {
  kind: z.literal('nginx'),
  file: absolutePath.describe(
    'The plugin’s own file of `server` lines, included by an `upstream` block: `/etc/nginx/treecast/upstream-docs.conf`.',
  ),
  ...serverFileKeys,
  parameters: z
    .string()
    .max(200)
    .regex(
      /^(?:[a-z_]+(?:=[A-Za-z0-9_.]+)?(?: (?!$)|$))*$/,
      'is no list of parameters such as `max_fails=3 fail_timeout=10s`',
    )
    .default('')
    .describe('Further parameters of every `server` line.'),
  program: z
    .string()
    .min(1)
    .max(4000)
    .default('nginx')
    .describe('The nginx program: a name on the PATH or a path.'),
  configuration: absolutePath.optional().describe('nginx’s configuration (`-c`), when not the built-in one.'),
  pidFile: absolutePath
    .nullable()
    .default('/run/nginx.pid')
    .describe(
      'As in nginx’s configuration. By it the workers are found that still end their connections; null: nobody counts, `waitSeconds` is waited.',
    ),
} as const;
