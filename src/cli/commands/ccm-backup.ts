// Copies a CCM's state directory while it runs.

import { resolve } from 'node:path';
import { z } from 'zod';
import { backUpCcm } from '../ccm-entry.ts';
import { defineCommand } from '../command.ts';

export const ccmBackup = defineCommand({
  name: 'ccm backup',
  summary: 'copy a CCM’s state directory, also while it runs',
  details:
    'The database as of one moment, keys, ccm.yaml, plugins and repositories. It holds secret keys. How to restore it: docs/operating.md.',
  options: [
    { flags: '--dir <directory>', summary: 'the CCM’s state directory' },
    {
      flags: '--to <directory>',
      summary: 'a directory that does not exist yet; there as a whole, or not at all',
    },
  ],
  examples: [
    {
      line: 'treecast ccm backup --dir /var/lib/treecast-ccm --to /backup/treecast-2026-11-28',
      explanation: 'once a day, say',
    },
  ],
  kind: 'local',
  exits: ['ok', 'failed', 'refused'],
  json: '`{"directory"}`.',
  input: z.strictObject({ dir: z.string().min(1), to: z.string().min(1) }),
  async run({ dir, to }, { cwd, output }) {
    const directory = resolve(cwd, to);
    await backUpCcm(resolve(cwd, dir), directory);
    output.answer({ directory }, () => [`Backed up into ${directory}.`]);
  },
});
