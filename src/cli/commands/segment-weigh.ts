// Sets an operator's factor on a node's voting priority.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { name } from '../input-schemas.ts';
import { segmentLines } from '../segment-lines.ts';
import { segmentMember } from '../segment-member.ts';

export const segmentWeigh = defineCommand({
  name: 'segment weigh',
  summary: 'weigh the priority of a node in elections',
  arguments: [
    { name: 'segment', summary: 'its name' },
    { name: 'node', summary: 'one of its nodes' },
    { name: 'factor', summary: '0 to 100; 1 is the default' },
  ],
  examples: [
    {
      line: 'treecast segment weigh rack-5 web1 2',
      explanation: 'web1 is preferred; `node show` tells its terms',
    },
  ],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: 'SegmentResource.',
  input: z.strictObject({
    segment: name,
    node: name,
    factor: z.coerce.number('Is not a number').min(0).max(100),
  }),
  async run({ segment, node, factor }, { client, output }) {
    const api = await client();
    await segmentMember(api, segment, node);
    await api.nodes.update(node, { leadFactor: factor });
    const changed = await api.segments.get(segment);
    output.answer(changed, () => segmentLines(changed));
  },
});
