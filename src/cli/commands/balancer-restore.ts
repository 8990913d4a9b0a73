// Put nodes back into the balancers.

import { z } from 'zod';
import { balanceLines, nodeInput, nodeOptions, nodesNamed } from '../balance-lines.ts';
import { defineCommand } from '../command.ts';

export const balancerRestore = defineCommand({
  name: 'balancer restore',
  summary: 'put nodes back into the balancers',
  details: 'A node that is stale or away stays out until its tree is right.',
  arguments: [{ name: 'site', summary: 'the site whose nodes are meant' }],
  options: nodeOptions,
  examples: [{ line: 'treecast balancer restore docs --node web1', explanation: 'web1 gets traffic again' }],
  kind: 'api',
  exits: ['ok', 'failed', 'refused'],
  json: 'BalanceResource.',
  input: z.strictObject(nodeInput),
  async run({ site, ...named }, { client, output }) {
    const balance = await (await client()).sites.rebalance(site, { action: 'restore', ...nodesNamed(named) });
    output.answer(balance, () => balanceLines(balance));
    return balance.errors.length === 0 ? 'ok' : 'failed';
  },
});
