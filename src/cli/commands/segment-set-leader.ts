// Pre-assigns a segment's leader.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { name } from '../input-schemas.ts';
import { segmentLines } from '../segment-lines.ts';
import { segmentMember } from '../segment-member.ts';

export const segmentSetLeader = defineCommand({
  name: 'segment set-leader',
  summary: 'say which node leads a segment whenever it can',
  details:
    'Who leads now makes way, and that node comes before all others in this election and the next ones. While it is away another one leads, and goes on when it is back.',
  arguments: [
    { name: 'segment', summary: 'its name' },
    { name: 'node', summary: 'the node that is to lead', optional: true },
  ],
  options: [{ flags: '--none', summary: 'no node comes before the others any more' }],
  examples: [
    { line: 'treecast segment set-leader rack-5 web1', explanation: 'web1 leads from the next election on' },
    { line: 'treecast segment set-leader rack-5 --none', explanation: 'priority alone decides again' },
  ],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: 'SegmentResource.',
  input: z
    .strictObject({ segment: name, node: name.optional(), none: z.boolean().default(false) })
    .refine(({ node, none }) => (node === undefined) === none, {
      path: ['node'],
      message: 'Give either a node or --none',
    }),
  async run({ segment, node }, { client, output }) {
    const api = await client();
    if (node !== undefined) {
      await segmentMember(api, segment, node);
      await api.nodes.update(node, { leadRole: 'preassigned' });
    } else {
      for (const member of (await api.segments.get(segment)).members) {
        if (member.role === 'preassigned') await api.nodes.update(member.node, { leadRole: 'allowed' });
      }
    }
    const changed = await api.segments.get(segment);
    output.answer(changed, () => segmentLines(changed));
  },
});
