// The gate when things happen at the same time: a look at the balancers while a rollout moves on, a stop in the middle, balancers that
// hang, refuse, or cannot be asked.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createManualClock } from '../../net/testing/manual-clock.ts';
import type { Hooks } from '../../plugins/api/hooks.ts';
import { PluginError } from '../../plugins/api/plugin-error.ts';
import { until } from '../../plugins/testing/until.ts';
import { temporaryRegistry } from '../registry/testing/temporary-registry.ts';
import { createBalancerGate, type WantedState } from './balancer-gate.ts';
import { createNodesHeldOut } from './nodes-held-out.ts';
import { pluginsWith } from './testing/plugin-double.ts';

async function gateOver(t: TestContext, hooks: Hooks, sites: readonly string[] = ['docs']) {
  const { registry } = await temporaryRegistry();
  const clock = createManualClock();
  const plugins = await pluginsWith({ lb: hooks });
  const wanted = new Map<string, WantedState['wanted']>();
  const problems: string[] = [];
  const gate = createBalancerGate({
    plugins,
    sites: () => sites,
    serving: (site) =>
      ['a', 'b'].map((node) => ({ node, wanted: wanted.get(`${site} ${node}`) ?? 'in', reason: 'stale' })),
    facts: (name) => ({ name, url: null, labels: {} }),
    heldOut: createNodesHeldOut(registry.settings),
    clock,
    onProblem: (_, node, { message }) => problems.push(`${node}: ${message}`),
    onBug: (error) => assert.fail(String(error)),
  });
  t.after(() => gate.close());
  const want = (node: string, state: WantedState['wanted'], site = 'docs'): void => {
    wanted.set(`${site} ${node}`, state);
    gate.changed(site);
    clock.advance(50);
  };
  return { gate, plugins, clock, want, problems };
}

const inside = (nodes: readonly { readonly name: string }[]) => ({
  nodes: nodes.map(({ name: node }) => ({ node, state: 'in' as const, sessions: 0, weight: 100 })),
});

test('PLG-17: a node that was put back while the balancers were asked is not taken out again', async (t) => {
  const calls: string[] = [];
  const asked = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<void>();
  const { gate, clock, want } = await gateOver(t, {
    drain: () => void calls.push('drain'),
    restore: () => void calls.push('restore'),
    async inspect({ nodes }) {
      asked.resolve();
      await answered.promise;
      calls.push('asked');
      return inside(nodes);
    },
  });
  want('a', 'out');
  await until('it is out', () => calls.length === 1);
  clock.advance(10_000);
  await asked.promise;
  want('a', 'in');
  await until('it is back', () => calls.length === 2);
  answered.resolve();
  await until('the balancer has said that it is in', () => calls.length === 3);
  await gate.close();
  assert.deepEqual(calls, ['drain', 'restore', 'asked']);
});

test('a CCM that stops while nodes are taken out does not call them failed', async (t) => {
  const draining = Promise.withResolvers<void>();
  const { gate, plugins, problems } = await gateOver(t, {
    drain: (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new PluginError('stopped')));
        draining.resolve();
      }),
  });
  const answer = gate.drain('docs', ['a'], 'publish 1-0002');
  await draining.promise;
  await Promise.all([gate.close(), plugins.close()]);
  assert.deepEqual([await answer, problems], [[], []]);
});

test('PLG-18: what a balancer refused an operator is told, and tried again when it is asked for again', async (t) => {
  let refuses = true;
  const { gate } = await gateOver(t, {
    drain() {
      if (refuses) throw new PluginError('3 sessions are left', { fix: 'Wait.' });
    },
    restore: () => undefined,
  });
  const [refused] = await gate.act('docs', 'drain', ['a'], 1);
  assert.equal(refused?.error?.message, 'lb: 3 sessions are left');
  refuses = false;
  assert.deepEqual(await gate.act('docs', 'drain', ['a'], 1), [{ node: 'a', error: null }]);
});

test('PLG-17: a balancer that cannot be asked is told again what it refused, and no more once it has obeyed', async (t) => {
  const calls: string[] = [];
  const { clock, want, problems } = await gateOver(t, {
    drain() {
      calls.push('drain');
      if (calls.length < 3) throw new PluginError('the balancer is away', { fix: 'Start it.' });
    },
    restore: () => undefined,
  });
  want('a', 'out');
  await until('it was refused', () => problems.length === 1);
  clock.advance(10_000);
  await until('it was refused again', () => problems.length === 2);
  clock.advance(10_000);
  await until('it is out', () => calls.length === 3);
  clock.advance(10_000);
  want('b', 'out');
  await until('the other one is out', () => calls.length === 4);
  clock.advance(10_000);
  assert.equal(calls.length, 4);
});

test('PLG-17: a balancer that hangs keeps no other site from being looked after', async (t) => {
  const asked: string[] = [];
  const { plugins, clock, want } = await gateOver(
    t,
    {
      drain: () => undefined,
      inspect({ site, nodes }, { signal }) {
        asked.push(site);
        if (site === 'docs')
          return new Promise((resolve) => signal.addEventListener('abort', () => resolve(inside([]))));
        return { nodes: nodes.map(({ name: node }) => ({ node, state: 'out', sessions: 0, weight: null })) };
      },
    },
    ['docs', 'shop'],
  );
  t.after(() => plugins.close());
  want('a', 'out');
  want('a', 'out', 'shop');
  const times = (site: string) => asked.filter((each) => each === site).length;
  await until('the first site hangs, the second is asked three times', () => {
    clock.advance(10_000);
    return times('shop') >= 3;
  });
  assert.equal(times('docs'), 1);
});
