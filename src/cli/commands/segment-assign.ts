// Moves nodes to a segment.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { name } from '../input-schemas.ts';
import { segmentLines } from '../segment-lines.ts';

export const segmentAssign = defineCommand({
  name: 'segment assign',
  summary: 'move a node to a segment',
  details:
    'Where an operator put a node it stays, whatever it hears. Nodes find their segment by themselves; this is for networks without multicast, and for corrections.',
  arguments: [
    { name: 'segment', summary: 'where it belongs from now on' },
    { name: 'node', summary: 'its name' },
  ],
  examples: [{ line: 'treecast segment assign rack-5 web9', explanation: 'web9 belongs to rack-5' }],
  kind: 'api',
  exits: ['ok', 'refused'],
  json: 'SegmentResource.',
  input: z.strictObject({ segment: name, node: name }),
  async run({ segment, node }, { client, output }) {
    const api = await client();
    await api.nodes.update(node, { segment });
    const changed = await api.segments.get(segment);
    output.answer(changed, () => segmentLines(changed));
  },
});
