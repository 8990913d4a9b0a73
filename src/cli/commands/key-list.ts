// Lists the CCM's keys.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { keyLines } from '../key-lines.ts';

export const keyList = defineCommand({
  name: 'key list',
  summary: 'list the keys: CA, release and content keys, current and former',
  details: 'A key is rotated with `key rotate`. Nothing secret is shown.',
  examples: [
    { line: 'treecast key list', explanation: 'and how many nodes still have a certificate of which CA' },
  ],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: '`{"keys":[KeyResource]}`.',
  input: z.strictObject({}),
  async run(_, { client, output }) {
    const keys = await (await client()).keys.list();
    output.answer({ keys }, () => keyLines(keys));
  },
});
