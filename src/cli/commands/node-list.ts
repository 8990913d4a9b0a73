// Lists the nodes.

import { z } from 'zod';
import { defineCommand } from '../command.ts';
import { connectionText, labelsText } from '../resource-lines.ts';
import { tableLines } from '../table.ts';
import { nothing, timeText } from '../text.ts';

export const nodeList = defineCommand({
  name: 'node list',
  summary: 'list the nodes',
  examples: [
    {
      line: 'treecast node list',
      explanation: 'every node: connected or away, new, its segment, URL, labels',
    },
  ],
  kind: 'api',
  exits: ['ok'],
  json: '`{"nodes":[NodeResource]}`.',
  input: z.strictObject({}),
  async run(_, { client, output }) {
    const nodes = await (await client()).nodes.list();
    output.answer({ nodes }, () =>
      tableLines(
        ['NODE', 'STATE', 'SEGMENT', 'URL', 'SITES', 'LABELS', 'LAST SEEN', 'CERTIFICATE UNTIL'],
        nodes.map((node) => [
          node.name,
          connectionText(node),
          node.segment ?? nothing,
          node.url ?? nothing,
          node.sites.map(({ site, phase }) => `${site} ${phase}`).join(', ') || nothing,
          labelsText(node.labels) || nothing,
          timeText(node.lastSeenAt),
          timeText(node.certificate?.expiresAt ?? null),
        ]),
      ),
    );
  },
});
