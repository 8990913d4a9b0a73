import assert from 'node:assert/strict';
import { PluginError } from 'treecast/plugin';
import { askHttp, testNeeding, until } from 'treecast/plugin/testing';
import { haproxyScene as scene } from '../testing/haproxy-scene.ts';

const needs = ['haproxy'];
const checks = {
  serverOptions: 'check inter 100ms rise 2 fall 2',
  backendLines: ['option httpchk GET /health'],
};

for (const rest of ['drain', 'maint'] as const)
  testNeeding(
    needs,
    `X13 a node whose check fails is put back, gets nothing, and the error says so (${rest})`,
    () =>
      scene(
        { haproxy: checks, balancer: { rest, restore: { waitSeconds: 1.5 } } },
        async ({ haproxy, origins: [web1], plugin }) => {
          await plugin.drain(['web1']);
          assert.equal((await plugin.inspect(['web1'])).nodes[0]?.state, 'out');
          web1.setHealthy(false);
          // In maintenance there are no checks.
          if (rest === 'drain')
            await until('its check fails', async () =>
              / web1 127\.0\.0\.1 0 /.test(await haproxy.ask('show servers state app')),
            );
          const before = web1.requests();
          await assert.rejects(plugin.restore(['web1']), (error) => {
            assert.ok(error instanceof PluginError);
            assert.match(
              error.message,
              /balancer edge: put back, but after 1\.5 s the balancer still sends nothing to app\/web1 \(its check fails: L7STS.*\)/,
            );
            assert.equal(error.retryable, true);
            return true;
          });
          for (let i = 0; i < 10; i++) assert.equal((await askHttp(haproxy.port, '/')).body, 'web2');
          assert.equal(web1.requests(), before, 'nothing was sent to a node whose check fails');
          const inspected = await plugin.inspect(['web1']);
          assert.equal(inspected.nodes[0]?.state, 'in');
          assert.match(inspected.note ?? '', /app\/web1 is in, but its check fails/);
          web1.setHealthy(true);
          await until('it is used again', async () => (await askHttp(haproxy.port, '/')).body === 'web1');
        },
      ),
  );

testNeeding(needs, 'put-back waits for the check to pass', () =>
  scene(
    { haproxy: checks, balancer: { rest: 'maint', restore: { waitSeconds: 15 } } },
    async ({ haproxy, origins: [web1], plugin }) => {
      web1.setHealthy(false);
      await until('it is down', async () =>
        /its check fails/.test((await plugin.inspect(['web1'])).note ?? ''),
      );
      await plugin.drain(['web1']);
      let back = false;
      const restored = plugin.restore(['web1']).then(() => {
        back = true;
      });
      await until('it is put back', async () => (await plugin.inspect(['web1'])).nodes[0]?.state === 'in');
      assert.equal(back, false);
      web1.setHealthy(true);
      await restored;
      assert.match(await haproxy.ask('show servers state app'), /web1 127\.0\.0\.1 2 0 /);
    },
  ),
);

testNeeding(
  needs,
  'R9.2 weights: a share of the usual one, read back; 0 is nothing, a small share is not nothing',
  () =>
    scene({}, async ({ haproxy, origins: [web1, web2], plugin }) => {
      await plugin.weigh(['web1'], 0.25);
      assert.equal((await plugin.inspect(['web1'])).nodes[0]?.weight, 25);
      const before = [web1.requests(), web2.requests()] as const;
      for (let i = 0; i < 50; i++) await askHttp(haproxy.port, '/');
      assert.equal(web1.requests() - before[0], 10);
      assert.equal(web2.requests() - before[1], 40);
      await plugin.weigh(['web1'], 0);
      assert.equal((await plugin.inspect(['web1'])).nodes[0]?.weight, 0);
      await plugin.weigh(['web1'], 0.001);
      assert.equal((await plugin.inspect(['web1'])).nodes[0]?.weight, 1);
      await plugin.weigh(['web1'], 1);
      assert.equal((await plugin.inspect(['web1'])).nodes[0]?.weight, 100);
      await assert.rejects(plugin.weigh(['web1'], 1.5), /no share/);
    }),
);

testNeeding(needs, 'a usual weight that is too small to be divided is told', () =>
  scene({ haproxy: { serverOptions: 'weight 1' } }, async ({ plugin }) => {
    assert.match(await plugin.weigh(['web1'], 0.5), /too small to be divided: app\/web1 \(1\).*weight 100/);
    assert.equal((await plugin.inspect(['web1'])).nodes[0]?.weight, 1);
  }),
);

testNeeding(needs, 'a backend with a static algorithm refuses weights in HAProxy’s own words', () =>
  scene({ haproxy: { backendLines: ['balance static-rr'] } }, async ({ plugin }) => {
    await assert.rejects(plugin.weigh(['web1'], 0.5), /refuses `set server app\/web1 weight 50`: .*static/);
  }),
);
