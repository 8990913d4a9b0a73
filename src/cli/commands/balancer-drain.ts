// Take nodes out of the balancers.

import { z } from 'zod';
import { balanceLines, nodeInput, nodeOptions, nodesNamed } from '../balance-lines.ts';
import { defineCommand } from '../command.ts';

export const balancerDrain = defineCommand({
  name: 'balancer drain',
  summary: 'take nodes out of the balancers',
  details:
    'Waits for their sessions within the bound of the plugin. They stay out, and stay part of publishes, until `balancer restore`.',
  arguments: [{ name: 'site', summary: 'the site whose nodes are meant' }],
  options: nodeOptions,
  examples: [
    {
      line: 'treecast balancer drain docs --node web1',
      explanation: 'before work on web1: no traffic, still published to',
    },
  ],
  kind: 'api',
  exits: ['ok', 'failed', 'refused'],
  json: 'BalanceResource.',
  input: z.strictObject(nodeInput),
  async run({ site, ...named }, { client, output }) {
    const balance = await (await client()).sites.rebalance(site, { action: 'drain', ...nodesNamed(named) });
    output.answer(balance, () => balanceLines(balance));
    return balance.errors.length === 0 ? 'ok' : 'failed';
  },
});
