import assert from 'node:assert/strict';
import { PluginError } from 'treecast/plugin';
import { askHttp, testNeeding, until } from 'treecast/plugin/testing';
import { haproxyScene as scene } from '../testing/haproxy-scene.ts';
import { holdOn } from '../testing/hold.ts';

const needs = ['haproxy'];

testNeeding(needs, 'R9.2 a node is taken out of every backend, gets nothing, and is put back', () =>
  scene({}, async ({ haproxy, origins: [web1], plugin }) => {
    assert.match(await plugin.drain(['web1']), /^out: web1 \(2 servers\)$/);
    const [state] = (await plugin.inspect(['web1'])).nodes;
    assert.deepEqual(state, { node: 'web1', state: 'out', sessions: 0, weight: 100 });
    const before = web1.requests();
    for (let i = 0; i < 10; i++) assert.equal((await askHttp(haproxy.port, '/')).body, 'web2');
    assert.equal(web1.requests(), before);
    await plugin.restore(['web1']);
    assert.equal((await plugin.inspect(['web1'])).nodes[0]?.state, 'in');
    const bodies = new Set<string>();
    for (let i = 0; i < 10; i++) bodies.add((await askHttp(haproxy.port, '/')).body);
    assert.deepEqual([...bodies].sort(), ['web1', 'web2']);
  }),
);

testNeeding(needs, 'N27 a drain waits for a session that ends', () =>
  scene({ balancer: { drain: { waitSeconds: 20 } } }, async ({ haproxy, origins: [web1], plugin }) => {
    const long = await holdOn(haproxy.port, 'web1');
    let done = false;
    const drained = plugin.drain(['web1']).then(() => {
      done = true;
    });
    await until('web1 drains', async () => (await plugin.inspect(['web1'])).nodes[0]?.state === 'draining');
    assert.equal((await plugin.inspect(['web1'])).nodes[0]?.sessions, 1);
    assert.equal(done, false);
    web1.release();
    await drained;
    assert.equal(await long.ended, 'whole');
  }),
);

testNeeding(
  needs,
  'N27 never-zero sessions, hold: the node is back and the error says how many there are',
  () =>
    scene({ balancer: { drain: { waitSeconds: 0.5 } } }, async ({ haproxy, plugin }) => {
      const long = await holdOn(haproxy.port, 'web1');
      await assert.rejects(plugin.drain(['web1', 'web2']), (error) => {
        assert.ok(error instanceof PluginError);
        assert.match(
          error.message,
          /web1, web2: balancer edge: sessions remain after 0\.5 s: app\/web1 \(1\); held: back in service/,
        );
        assert.match(error.fix ?? '', /drain\.waitSeconds/);
        assert.equal(error.retryable, true);
        return true;
      });
      const { nodes } = await plugin.inspect(['web1', 'web2']);
      assert.deepEqual(
        nodes.map(({ state }) => state),
        ['in', 'in'],
      );
      long.close();
    }),
);

testNeeding(needs, 'N27 never-zero sessions, force: they are cut, the node is out', () =>
  scene(
    { balancer: { drain: { waitSeconds: 0.5, afterwards: 'force' } } },
    async ({ haproxy, origins: [web1], plugin }) => {
      const long = await holdOn(haproxy.port, 'web1');
      assert.match(await plugin.drain(['web1']), /1 sessions ended/);
      assert.equal(await long.ended, 'cut');
      await until('the origin sees the end', () => web1.held() === 0);
      assert.equal((await plugin.inspect(['web1'])).nodes[0]?.state, 'out');
    },
  ),
);

testNeeding(needs, 'N27 sessionsMax: as many may be left', () =>
  scene({ balancer: { drain: { waitSeconds: 10, sessionsMax: 1 } } }, async ({ haproxy, plugin }) => {
    const long = await holdOn(haproxy.port, 'web1');
    await plugin.drain(['web1']);
    assert.equal((await plugin.inspect(['web1'])).nodes[0]?.state, 'draining');
    long.close();
  }),
);

testNeeding(needs, 'a node that was out before a held drain stays out', () =>
  scene({ balancer: { drain: { waitSeconds: 0.5 } } }, async ({ haproxy, plugin }) => {
    await plugin.drain(['web2']);
    const long = await holdOn(haproxy.port, 'web1');
    await assert.rejects(plugin.drain(['web1', 'web2']), /held: back in service: app\/web1, static\/web1$/);
    const { nodes } = await plugin.inspect(['web1', 'web2']);
    assert.deepEqual(
      nodes.map(({ state }) => state),
      ['in', 'out'],
    );
    long.close();
  }),
);

for (const [afterwards, state] of [
  ['hold', 'in'],
  ['force', 'draining'],
] as const)
  testNeeding(needs, `a drain that is stopped leaves its nodes ${state} under ${afterwards}`, () =>
    scene({ balancer: { drain: { waitSeconds: 60, afterwards } } }, async ({ haproxy, plugin }) => {
      const long = await holdOn(haproxy.port, 'web1');
      const stop = new AbortController();
      const drained = plugin.drain(['web1'], { signal: stop.signal });
      await until('web1 drains', async () => (await plugin.inspect(['web1'])).nodes[0]?.state === 'draining');
      const startedAt = performance.now();
      stop.abort();
      await assert.rejects(
        drained,
        afterwards === 'hold' ? /held: back in service/ : /stopped while waiting/,
      );
      assert.ok(performance.now() - startedAt < 20_000);
      assert.equal((await plugin.inspect(['web1'])).nodes[0]?.state, state);
      long.close();
    }),
  );
