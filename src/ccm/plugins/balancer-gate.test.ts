// The gate over a balancer that fails, forgets, and is used by people as well.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createManualClock } from '../../net/testing/manual-clock.ts';
import { PluginError } from '../../plugins/api/plugin-error.ts';
import { until } from '../../plugins/testing/until.ts';
import { temporaryRegistry } from '../registry/testing/temporary-registry.ts';
import { createBalancerGate, type WantedState } from './balancer-gate.ts';
import { createNodesHeldOut } from './nodes-held-out.ts';
import { pluginsWith } from './testing/plugin-double.ts';

async function balanced(t: TestContext, sites: readonly string[] = ['docs']) {
  const { registry } = await temporaryRegistry();
  const clock = createManualClock();
  const states = new Map<string, 'in' | 'out'>([
    ['a', 'in'],
    ['b', 'in'],
  ]);
  const calls: string[] = [];
  const failing = { drain: false, restore: false };
  const weights = new Map<string, number>();
  const plugins = await pluginsWith({
    lb: {
      drain({ nodes, reason }) {
        for (const { name } of nodes) {
          calls.push(`drain ${name}: ${reason}`);
          if (failing.drain) throw new PluginError(`${name} has sessions left`, { fix: 'Wait.' });
          states.set(name, 'out');
        }
      },
      restore({ nodes }) {
        for (const { name } of nodes) {
          calls.push(`restore ${name}`);
          if (failing.restore) throw new PluginError('the balancer is away', { fix: 'Start it.' });
          states.set(name, 'in');
        }
      },
      weigh({ nodes, share }) {
        for (const { name } of nodes) weights.set(name, share);
      },
      inspect: ({ nodes }) => ({
        nodes: nodes.map(({ name }) => ({
          node: name,
          state: states.get(name) ?? 'unknown',
          sessions: 0,
          weight: 100,
        })),
      }),
    },
  });
  const wanted = new Map<string, WantedState>();
  const want = (node: string, state: 'in' | 'out', reason = ''): void =>
    void wanted.set(node, { node, wanted: state, reason });
  /** Of the second site; the first one's unless said otherwise. */
  const wantedOther = new Map<string, WantedState>();
  const wantOther = (node: string, state: 'in' | 'out', reason = ''): void =>
    void wantedOther.set(node, { node, wanted: state, reason });
  want('a', 'in');
  want('b', 'in');
  const problems: string[] = [];
  const start = () =>
    createBalancerGate({
      plugins,
      sites: () => sites,
      serving: (site) => [...(site === 'docs' ? wanted : wantedOther).values()],
      facts: (name) => ({ name, url: null, labels: {} }),
      heldOut: createNodesHeldOut(registry.settings),
      clock,
      onProblem: (_, node, { message }) => problems.push(`${node}: ${message}`),
      onBug: (error) => assert.fail(String(error)),
    });
  const gate = start();
  t.after(() => gate.close());
  const changed = (): void => {
    for (const site of sites) gate.changed(site);
    clock.advance(50);
  };
  return { gate, start, clock, states, calls, failing, weights, want, wantOther, problems, changed };
}

test('PLG-16 X13: a stale node is taken out, and put back when its tree is right', async (t) => {
  const { want, changed, calls, states } = await balanced(t);
  want('a', 'out', 'stale');
  changed();
  await until('it is out', () => states.get('a') === 'out');
  want('a', 'in');
  changed();
  await until('it is back', () => states.get('a') === 'in');
  assert.deepEqual(calls, ['drain a: stale', 'restore a']);
});

test('PLG-17 N28: what a balancer forgot over its reload is asserted again; what people took out stays theirs', async (t) => {
  const { want, changed, clock, calls, states } = await balanced(t);
  states.set('b', 'out');
  want('a', 'out', 'stale');
  changed();
  await until('it is out', () => states.get('a') === 'out');
  states.set('a', 'in');
  clock.advance(10_000);
  await until('it is out again', () => states.get('a') === 'out');
  assert.deepEqual(calls, ['drain a: stale', 'drain a: stale, again']);
  assert.equal(states.get('b'), 'out');
});

test('PLG-16: a restore that failed is tried again; a node out at a crash is put back by the next CCM', async (t) => {
  const { gate, start, want, changed, clock, failing, states, problems } = await balanced(t);
  want('a', 'out', 'stale');
  changed();
  await until('it is out', () => states.get('a') === 'out');
  failing.restore = true;
  want('a', 'in');
  changed();
  await until('it failed', () => problems.length === 1);
  await gate.close();
  failing.restore = false;
  const next = start();
  clock.advance(10_000);
  await until('it is back', () => states.get('a') === 'in');
  await next.close();
});

test('PLG-18: a rollout’s node is moved by the rollout alone, and each node’s failure is its own', async (t) => {
  const { gate, want, changed, failing, calls, states } = await balanced(t);
  want('a', 'out', 'publish 1-0002');
  assert.deepEqual(await gate.drain('docs', ['a'], 'publish 1-0002'), [{ node: 'a', error: null }]);
  changed();
  want('a', 'in');
  assert.deepEqual(await gate.restore('docs', ['a'], 'live'), [{ node: 'a', error: null }]);
  assert.equal(states.get('a'), 'in');
  assert.deepEqual(calls, ['drain a: publish 1-0002', 'restore a']);
  failing.drain = true;
  const [failed] = await gate.drain('docs', ['b'], 'publish 1-0003');
  assert.match(failed?.error?.message ?? '', /b has sessions left/);
});

test('PLG-18: an operator’s drain stays until it is taken back; weights are set on request', async (t) => {
  const { gate, changed, states, weights } = await balanced(t);
  await gate.act('docs', 'drain', ['a'], 1);
  assert.equal(states.get('a'), 'out');
  changed();
  const shown = await gate.show('docs');
  assert.deepEqual(
    shown.nodes.map(({ node, wanted, heldOut, balancers }) => [node, wanted, heldOut, balancers[0]?.state]),
    [
      ['a', 'out', true, 'out'],
      ['b', 'in', false, 'in'],
    ],
  );
  // A rollout does not put back what an operator took out.
  await gate.drain('docs', ['a'], 'publish');
  await gate.restore('docs', ['a'], 'live');
  assert.equal(states.get('a'), 'out');
  await gate.act('docs', 'restore', ['a'], 1);
  assert.equal(states.get('a'), 'in');
  await gate.act('docs', 'weigh', ['b'], 0.5);
  assert.equal(weights.get('b'), 0.5);
});

test('PLG-19: a node that one site needs out is put back for no site that shares its balancers', async (t) => {
  const { gate, want, wantOther, changed, calls, states } = await balanced(t, ['docs', 'shop']);
  want('a', 'out', 'not connected');
  wantOther('a', 'out', 'not connected');
  changed();
  await until('both took it out', () => calls.length === 2);
  want('a', 'in');
  wantOther('a', 'out', 'stale');
  assert.deepEqual(await gate.restore('docs', ['a'], 'its tree is live'), [{ node: 'a', error: null }]);
  assert.deepEqual(
    calls.filter((call) => call.startsWith('restore')),
    [],
  );
  wantOther('a', 'in');
  changed();
  await until('it is back', () => states.get('a') === 'in');
});
