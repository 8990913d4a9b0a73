// Lists the segments.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { segmentTable } from '../segment-lines.ts';

export const segmentList = defineCommand({
  name: 'segment list',
  summary: 'list the segments, with their leaders',
  examples: [{ line: 'treecast segment list', explanation: 'leader, term, and how many nodes are online' }],
  kind: 'api',
  exits: ['ok'],
  json: '`{"segments":[SegmentResource]}`.',
  input: z.strictObject({}),
  async run(_, { client, output }) {
    const segments = await (await client()).segments.list();
    output.answer({ segments }, () => segmentTable(segments));
  },
});
