import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { askHttp, listen, testNeeding, until } from 'treecast/plugin/testing';
import type { ServerLook } from '../balancer-driver.ts';
import { mergeLooks } from '../merge-looks.ts';
import { haproxyScene as scene } from '../testing/haproxy-scene.ts';

const needs = ['haproxy'];

testNeeding(
  needs,
  'N28 an agent-check that says `ready` undoes a drain: it is noticed, told again, and told in the end',
  async () => {
    const agent = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end('ready\n');
    });
    const port = await listen(agent);
    try {
      await scene(
        {
          haproxy: { serverOptions: `agent-check agent-addr 127.0.0.1 agent-port ${port} agent-inter 30ms` },
          balancer: { drain: { waitSeconds: 1, sessionsMax: 0 } },
        },
        async ({ plugin }) => {
          // Between two answers of the agent the drain may look done; then it is `inspect` that tells.
          await plugin.drain(['web1']).catch(() => undefined);
          await until(
            'inspect tells the truth',
            async () => (await plugin.inspect(['web1'])).nodes[0]?.state === 'in',
          );
        },
      );
    } finally {
      await new Promise((closed) => agent.close(closed));
    }
  },
);

testNeeding(needs, 'a server that is disabled in haproxy.cfg is out, and is put back on request', () =>
  scene({ haproxy: { serverOptions: 'disabled' } }, async ({ haproxy, plugin }) => {
    assert.equal((await plugin.inspect(['web1'])).nodes[0]?.state, 'out');
    await plugin.restore(['web1']);
    assert.equal((await askHttp(haproxy.port, '/')).body, 'web1');
  }),
);

testNeeding(
  needs,
  'a server that follows another one (`track`) cannot be put back alone: the error says so',
  () =>
    scene(
      {
        haproxy: { backendLines: ['server lead 127.0.0.1:1 check', 'server web9 127.0.0.1:1 track lead'] },
        balancer: { backends: ['app'], restore: { waitSeconds: 0.5 } },
      },
      async ({ haproxy, plugin }) => {
        await haproxy.ask('set server app/lead state maint');
        await assert.rejects(plugin.restore(['web9']), /still out although put back: app\/web9/);
      },
    ),
);

test('one state of a node from several entries: what is not so everywhere is not told', () => {
  const look = (state: ServerLook['state'], sessions: number | null, weight: number | null): ServerLook => ({
    server: { node: 'a', label: 'a' },
    state,
    sessions,
    weight,
    trouble: null,
  });
  const state = (...states: ServerLook['state'][]) =>
    mergeLooks(
      'a',
      states.map((one) => look(one, null, null)),
    ).state;
  assert.equal(state('in', 'in'), 'in');
  assert.equal(state('out', 'out'), 'out');
  assert.equal(state('out', 'draining'), 'draining');
  assert.equal(state('in', 'out'), 'unknown');
  assert.equal(state('in', 'draining', 'out'), 'unknown');
  assert.equal(state('out', 'unknown'), 'unknown');
  assert.equal(state(), 'unknown');
  assert.deepEqual(mergeLooks('a', [look('in', 2, 50), look('in', null, null), look('in', 3, 100)]), {
    node: 'a',
    state: 'in',
    sessions: 5,
    weight: 50,
  });
});
