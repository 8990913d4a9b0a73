import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from '../../client/client.ts';
import type { BalanceRequest } from '../plugins/plugin-service.ts';
import { hasCode } from '../registry/testing/has-code.ts';
import { certificateOf } from '../registry/testing/temporary-registry.ts';
import { noPluginService } from './testing/no-plugin-service.ts';
import { temporaryApi } from './testing/temporary-api.ts';

async function balanced() {
  const acts: BalanceRequest[] = [];
  const api = await temporaryApi({
    plugins: {
      ...noPluginService,
      act(request) {
        acts.push(request);
        return noPluginService.act(request);
      },
    },
  });
  for (const name of ['a', 'b', 'c']) api.registry.nodes.join({ name, ...certificateOf(name) });
  const client = createClient({ api: api.url, token: api.token('operator') });
  await client.groups.create({ name: 'web', nodes: ['a', 'b', 'c'] });
  await client.groups.create({ name: 'rack', nodes: ['b', 'c'] });
  await client.sites.create({ name: 'docs', group: 'web' });
  return { acts, client };
}

test('R9.2 a group means its nodes, with nodes that are named besides; without either the whole group of the site is meant', async () => {
  const { acts, client } = await balanced();
  await client.sites.rebalance('docs', { action: 'drain', group: 'rack' });
  await client.sites.rebalance('docs', { action: 'weigh', group: 'rack', nodes: ['a', 'b'], share: 0.5 });
  await client.sites.rebalance('docs', { action: 'restore' });
  const request = { site: 'docs', share: 1, requestedBy: 'operator 1' };
  assert.deepEqual(acts, [
    { ...request, action: 'drain', nodes: ['b', 'c'] },
    { ...request, action: 'weigh', nodes: ['a', 'b', 'c'], share: 0.5 },
    { ...request, action: 'restore', nodes: ['a', 'b', 'c'] },
  ]);
});

test('R9.2 a group that is not there is refused, and nobody is moved', async () => {
  const { acts, client } = await balanced();
  await assert.rejects(
    client.sites.rebalance('docs', { action: 'drain', group: 'gone' }),
    hasCode('NOT_FOUND'),
  );
  assert.deepEqual(acts, []);
});

test('R9.2 an empty group moves nobody, not everybody', async () => {
  const { acts, client } = await balanced();
  await client.groups.create({ name: 'none', nodes: [] });
  await client.sites.rebalance('docs', { action: 'drain', group: 'none' });
  assert.deepEqual(
    acts.map(({ nodes }) => nodes),
    [[]],
  );
});
