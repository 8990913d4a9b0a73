// Removes a segment.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { name } from '../input-schemas.ts';

export const segmentRemove = defineCommand({
  name: 'segment remove',
  summary: 'remove a segment that no node belongs to',
  arguments: [{ name: 'segment', summary: 'its name' }],
  examples: [{ line: 'treecast segment remove amber-heron', explanation: 'after its nodes moved elsewhere' }],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: '`{"removed":"NAME"}`.',
  input: z.strictObject({ segment: name }),
  async run({ segment }, { client, output }) {
    await (await client()).segments.remove(segment);
    output.answer({ removed: segment }, () => [`Removed segment ${segment}.`]);
  },
});
