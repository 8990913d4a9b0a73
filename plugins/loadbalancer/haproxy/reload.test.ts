import assert from 'node:assert/strict';
import { PluginError } from 'treecast/plugin';
import { askHttp, testNeeding, until } from 'treecast/plugin/testing';
import { haproxyScene as scene } from '../testing/haproxy-scene.ts';
import { holdOn } from '../testing/hold.ts';

const needs = ['haproxy'];

testNeeding(needs, 'N28 a reload in the middle of a drain is noticed, and the node is taken out again', () =>
  scene(
    { balancer: { drain: { waitSeconds: 20 } }, withMaster: true },
    async ({ haproxy, origins: [web1], plugin }) => {
      const long = await holdOn(haproxy.port, 'web1');
      const drained = plugin.drain(['web1']);
      await until('web1 drains', async () => (await plugin.inspect(['web1'])).nodes[0]?.state === 'draining');
      await haproxy.reload();
      await until(
        'the new process is told',
        async () => (await plugin.inspect(['web1'])).nodes[0]?.state === 'draining',
      );
      // The session lives on in the old process, of which the new one knows nothing: it is counted all the same.
      assert.equal((await plugin.inspect(['web1'])).nodes[0]?.sessions, 1);
      web1.release();
      assert.equal(await long.ended, 'whole');
      assert.match(await drained, /told again after the balancer forgot/);
      assert.match(plugin.warnings.join('\n'), /put servers back by itself/);
      for (let i = 0; i < 6; i++) assert.equal((await askHttp(haproxy.port, '/')).body, 'web2');
    },
  ),
);

testNeeding(needs, 'N28 a session in an old process is cut by force too', () =>
  scene(
    { balancer: { drain: { waitSeconds: 1, afterwards: 'force' } }, withMaster: true },
    async ({ haproxy, plugin }) => {
      const long = await holdOn(haproxy.port, 'web1');
      await haproxy.reload();
      assert.match(await plugin.drain(['web1']), /1 sessions ended/);
      assert.equal(await long.ended, 'cut');
    },
  ),
);

testNeeding(
  needs,
  'N28 after a restart `inspect` tells what is true, and drain and restore make it so again',
  () =>
    scene({}, async ({ haproxy, plugin }) => {
      await plugin.drain(['web1']);
      await haproxy.stop();
      await assert.rejects(plugin.inspect(['web1']), (error) => {
        assert.ok(error instanceof PluginError && error.retryable);
        assert.match(
          error.message,
          /balancer edge: .*admin\.sock cannot be asked \((?:ECONNREFUSED|ENOENT)\)/,
        );
        return true;
      });
      await haproxy.start();
      assert.equal((await plugin.inspect(['web1'])).nodes[0]?.state, 'in');
      await plugin.drain(['web1']);
      assert.equal((await plugin.inspect(['web1'])).nodes[0]?.state, 'out');
      await plugin.restore(['web1']);
      assert.equal((await plugin.inspect(['web1'])).nodes[0]?.state, 'in');
    }),
);

testNeeding(needs, 'N28 a restart in the middle of a drain is survived', () =>
  scene({ balancer: { drain: { waitSeconds: 20 } } }, async ({ haproxy, plugin }) => {
    const long = await holdOn(haproxy.port, 'web1');
    const drained = plugin.drain(['web1']);
    await until('web1 drains', async () => (await plugin.inspect(['web1'])).nodes[0]?.state === 'draining');
    await haproxy.stop();
    await haproxy.start();
    await drained;
    assert.equal(await long.ended, 'cut');
    assert.equal((await plugin.inspect(['web1'])).nodes[0]?.state, 'out');
  }),
);

testNeeding(needs, 'N28 a reload in the middle of a restore is noticed, and the node is put back again', () =>
  scene(
    {
      haproxy: { serverOptions: 'disabled check inter 100ms', backendLines: ['option httpchk GET /health'] },
      balancer: { backends: ['app'], restore: { waitSeconds: 20 } },
    },
    async ({ haproxy, origins: [web1], plugin }) => {
      web1.setHealthy(false);
      const state = async () => (await plugin.inspect(['web1'])).nodes[0]?.state;
      assert.equal(await state(), 'out');
      const restored = plugin.restore(['web1']);
      await until('it is in', async () => (await state()) === 'in');
      // The new process begins with `disabled` again.
      await haproxy.reload();
      await until('it is in again', async () => (await state()) === 'in');
      web1.setHealthy(true);
      await restored;
      assert.equal((await askHttp(haproxy.port, '/')).body, 'web1');
    },
  ),
);
