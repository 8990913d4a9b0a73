// A new admin token, made in the state directory itself.

import { resolve } from 'node:path';
import { z } from 'zod';
import { recoverToken } from '../ccm-entry.ts';
import { defineCommand } from '../command.ts';

export const ccmToken = defineCommand({
  name: 'ccm token',
  summary: 'make a new admin token when the last one was lost',
  details:
    'Works on the state directory itself, as the user it belongs to, whether the CCM runs or not. Revoke the lost one: treecast token revoke.',
  options: [
    { flags: '--dir <directory>', summary: 'the CCM’s state directory' },
    { flags: '--name <name>', summary: 'the token’s name (default: recovered)' },
  ],
  examples: [
    {
      line: 'treecast ccm token --dir /var/lib/treecast-ccm',
      explanation: 'as its user; prints it, once',
    },
  ],
  kind: 'local',
  exits: ['ok', 'failed', 'refused'],
  json: '`{"name","token"}`.',
  input: z.strictObject({ dir: z.string().min(1), name: z.string().min(1).max(100).default('recovered') }),
  async run({ dir, name }, { cwd, output }) {
    const token = await recoverToken(resolve(cwd, dir), name);
    output.answer({ name, token }, () => [token]);
    if (!output.isJson) output.note('Keep it now: only its hash is stored, it cannot be shown again.');
  },
});
