// Gives a segment another name.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { name } from '../input-schemas.ts';

export const segmentRename = defineCommand({
  name: 'segment rename',
  summary: 'give a segment another name',
  details: 'Nothing else changes: nodes know their segment by its id.',
  arguments: [
    { name: 'segment', summary: 'its name' },
    { name: 'to', summary: 'the new one' },
  ],
  examples: [
    { line: 'treecast segment rename amber-heron rack-5', explanation: 'in place of the made-up name' },
  ],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: 'SegmentResource.',
  input: z.strictObject({ segment: name, to: name }),
  async run({ segment, to }, { client, output }) {
    const renamed = await (await client()).segments.update(segment, { name: to });
    output.answer(renamed, () => [`Segment ${segment} is now called ${to}.`]);
  },
});
