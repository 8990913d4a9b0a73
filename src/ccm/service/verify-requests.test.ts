import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVerifyRequests } from './verify-requests.ts';

const tree = 'a'.repeat(40);
const request = {
  id: 'r1',
  site: 'shop',
  commit: null,
  tree,
  members: [
    { name: 'web1', connected: true },
    { name: 'web2', connected: true },
    { name: 'web3', connected: false },
  ],
};

function verified(node: string) {
  const receipt = {
    version: 1,
    node,
    site: 'shop',
    phase: 'verified',
    scope: 'full',
    release: null,
    tree,
    at: 1,
    signature: '',
  } as const;
  return { type: 'verified', request: 'r1', site: 'shop', receipt, drift: [] } as const;
}

test('LEAD-2: a node that goes behind a leader while it verifies is asked again there; one that does not return is lost', async () => {
  const sent: string[] = [];
  const requests = createVerifyRequests((node, id, site) => sent.push(`${node} ${id} ${site}`), 60_000, 50);
  const verifying = requests.verify(request);
  assert.deepEqual(sent, ['web1 r1 shop', 'web2 r1 shop']);
  requests.disconnected('web1');
  requests.disconnected('web2');
  requests.welcomed('web1');
  requests.welcomed('web3');
  assert.deepEqual(sent.slice(2), ['web1 r1 shop']);
  requests.answered('web1', verified('web1'), null);
  requests.welcomed('web1');
  assert.equal(sent.length, 3, 'who has answered is not asked again');
  // The timer alone keeps no process alive.
  const alive = setInterval(() => undefined, 1_000);
  const { nodes } = await verifying;
  clearInterval(alive);
  assert.deepEqual(
    nodes.map(({ name, ok, error }) => [name, ok, error?.message ?? null]),
    [
      ['web1', true, null],
      ['web2', false, 'disconnected while verifying'],
      ['web3', false, 'not connected'],
    ],
  );
});
