// Keeps a node from leading its segment.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { name } from '../input-schemas.ts';
import { segmentLines } from '../segment-lines.ts';
import { segmentMember } from '../segment-member.ts';

export const segmentExclude = defineCommand({
  name: 'segment exclude',
  summary: 'keep a node from leading its segment',
  details:
    'One that leads now stops, and another is elected. It stays a member and gets its sites as before.',
  arguments: [
    { name: 'segment', summary: 'its name' },
    { name: 'node', summary: 'the node that is not to lead' },
  ],
  options: [{ flags: '--off', summary: 'it may lead again' }],
  examples: [
    { line: 'treecast segment exclude rack-5 web1', explanation: 'web1 never leads' },
    { line: 'treecast segment exclude rack-5 web1 --off', explanation: 'it may again' },
  ],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: 'SegmentResource.',
  input: z.strictObject({ segment: name, node: name, off: z.boolean().default(false) }),
  async run({ segment, node, off }, { client, output }) {
    const api = await client();
    const { member } = await segmentMember(api, segment, node);
    if (!off) await api.nodes.update(node, { leadRole: 'never' });
    else if (member.role === 'never') await api.nodes.update(node, { leadRole: 'allowed' });
    const changed = await api.segments.get(segment);
    output.answer(changed, () => segmentLines(changed));
  },
});
