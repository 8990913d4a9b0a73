// Shows one segment.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { name } from '../input-schemas.ts';
import { segmentLines } from '../segment-lines.ts';

export const segmentShow = defineCommand({
  name: 'segment show',
  summary: 'show a segment: leader, members, who is behind it, what was last reported',
  details:
    'A member is `online` or `offline` as the leader reports, `apart` when it follows a leader that the CCM refuses, `unreported` when no leader names it. Its link is `connected` when it has one of its own, `behind` a leader when that one speaks for it.',
  arguments: [{ name: 'segment', summary: 'its name' }],
  options: [{ flags: '--ask', summary: 'have the leader report first' }],
  examples: [
    { line: 'treecast segment show rack-5', explanation: 'who leads, who is online, who may not lead' },
    { line: 'treecast segment show rack-5 --ask', explanation: 'as it is now, and not up to 10 s ago' },
  ],
  kind: 'api',
  exits: ['ok', 'refused', 'failed'],
  json: 'SegmentResource.',
  input: z.strictObject({ segment: name, ask: z.boolean().default(false) }),
  async run({ segment, ask }, { client, output }) {
    const { segments } = await client();
    const found = await (ask ? segments.ask(segment) : segments.get(segment));
    output.answer(found, () => segmentLines(found));
  },
});
