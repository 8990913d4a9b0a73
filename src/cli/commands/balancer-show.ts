// Shows which nodes of a site should get traffic, and what the balancers say of them.

import { z } from 'zod';
import { balanceLines } from '../balance-lines.ts';
import { defineCommand } from '../command.ts';
import { name } from '../input-schemas.ts';

export const balancerShow = defineCommand({
  name: 'balancer show',
  summary: 'which nodes should get traffic, and what the balancers say of them',
  arguments: [{ name: 'site', summary: 'its name' }],
  examples: [{ line: 'treecast balancer show docs', explanation: 'wanted and real state of every node' }],
  kind: 'api',
  exits: ['ok', 'failed'],
  json: 'BalanceResource.',
  input: z.strictObject({ site: name }),
  async run({ site }, { client, output }) {
    const balance = await (await client()).sites.balance(site);
    output.answer(balance, () => balanceLines(balance));
    return balance.errors.length === 0 ? 'ok' : 'failed';
  },
});
