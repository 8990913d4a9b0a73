// Which server is reached by SSH, as whom, with which key, and where its trees lie. Everything here ends up on command lines, so each word
// is of a kind that needs no quoting.

import { z } from 'treecast/plugin';

const plainPath = z
  .string()
  .max(1024)
  .regex(/^(?:\/[A-Za-z0-9_@+,.-]+)+$/, 'must be an absolute path of letters, digits and _@+,.-')
  .refine((path) => !path.split('/').some((name) => name === '.' || name === '..'), 'has a . or ..');

const seconds = z.number().positive().max(3600);

export const sshTargetConfigSchema = z.strictObject({
  destination: z
    .string()
    .max(320)
    .regex(
      /^[A-Za-z_][A-Za-z0-9_.-]{0,31}@(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|[0-9a-fA-F:]{2,39})$/,
      'must be user@host, with a name or an address',
    )
    .describe('User and host, such as `treecast@web7.example.org`.'),
  port: z.int().min(1).max(65_535).default(22).describe('Port of its SSH server.'),
  identityFile: plainPath.describe('Private key; only the agent’s user may read it.'),
  knownHostsFile: plainPath.describe(
    'The host’s public key, as ssh-keyscan prints it. A host with another key is refused.',
  ),
  root: plainPath.describe('Directory there that holds the sites; it has to exist, and belong to that user.'),
  treesKept: z.int().min(2).max(20).default(3).describe('How many trees of a site are kept there.'),
  removeOnDetach: z
    .boolean()
    .default(false)
    .describe('Whether a site’s directory there is removed when the site is taken from this node.'),
  compare: z
    .enum(['quick', 'checksum'])
    .default('quick')
    .describe('How files are compared: by size and time, or by re-reading every byte on both sides.'),
  connectTimeoutSeconds: z.int().min(1).max(120).default(10).describe('How long a connection may take.'),
  silenceSeconds: seconds
    .int()
    .default(60)
    .describe('A transfer that makes no progress for this long is given up.'),
  ssh: z.string().min(1).max(1024).default('ssh').describe('The SSH client.'),
  rsync: z.string().min(1).max(1024).default('rsync').describe('rsync, on this node.'),
});

export type SshTargetConfig = z.output<typeof sshTargetConfigSchema>;
