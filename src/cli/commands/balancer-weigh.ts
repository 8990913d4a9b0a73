// Sets the weight of nodes in the balancers.

import { z } from 'zod';
import { balanceLines, nodeInput, nodeOptions, nodesNamed } from '../balance-lines.ts';
import { defineCommand } from '../command.ts';

export const balancerWeigh = defineCommand({
  name: 'balancer weigh',
  summary: 'set the weight of nodes in the balancers',
  arguments: [
    { name: 'site', summary: 'the site whose nodes are meant' },
    { name: 'share', summary: 'share of the usual weight, 0 to 1' },
  ],
  options: nodeOptions,
  examples: [
    {
      line: 'treecast balancer weigh docs 0.5 --node web1',
      explanation: 'web1 gets half of its usual traffic',
    },
  ],
  kind: 'api',
  exits: ['ok', 'failed', 'refused'],
  json: 'BalanceResource.',
  input: z.strictObject({ ...nodeInput, share: z.coerce.number().min(0).max(1) }),
  async run({ site, share, ...named }, { client, output }) {
    const balance = await (await client()).sites.rebalance(site, {
      action: 'weigh',
      share,
      ...nodesNamed(named),
    });
    output.answer(balance, () => balanceLines(balance));
    return balance.errors.length === 0 ? 'ok' : 'failed';
  },
});
