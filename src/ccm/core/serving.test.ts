// X13 R9.2: whom the balancers should send anybody to, at every moment of a node's life.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SitePolicy } from '../../model/site.ts';
import { servingOf } from './serving.ts';
import { createSimulatedFleet, site } from './testing/simulated-fleet.ts';

function fleetOf(nodes: number, policy: Partial<SitePolicy> = {}) {
  const fleet = createSimulatedFleet({ nodes, policy, pick: () => 0 });
  for (const node of fleet.nodes) fleet.connect(node);
  fleet.settle();
  const serving = () =>
    servingOf(fleet.state, site).map(({ node, wanted, reason }) => `${node} ${wanted}: ${reason}`);
  const first = fleet.nodes[0];
  assert.ok(first);
  return Object.assign(fleet, { serving, first });
}

test('X13 a node without a release is out; a live one is in; who is no member is not judged', () => {
  const fleet = fleetOf(2);
  assert.deepEqual(fleet.serving(), ['n1 out: empty', 'n2 out: empty']);
  fleet.publish('a');
  fleet.settle();
  assert.deepEqual(fleet.serving(), ['n1 in: live', 'n2 in: live']);
  fleet.configure(['n1']);
  assert.deepEqual(fleet.serving(), ['n1 in: live']);
  assert.deepEqual(servingOf(fleet.state, 'unknown'), []);
});

test('X13 between decision and switch a node still serves; stale after the job it is out', () => {
  const fleet = fleetOf(2);
  fleet.publish('a');
  fleet.settle();
  fleet.publish('b');
  while (fleet.decisions.length < 2) fleet.step();
  assert.deepEqual(fleet.serving(), [
    'n1 in: serves the former tree until it is switched',
    'n2 in: serves the former tree until it is switched',
  ]);
  fleet.first.isSilent = true;
  fleet.settle();
  fleet.fireTimer();
  assert.deepEqual(fleet.serving(), ['n1 out: stale', 'n2 in: live']);
});

test('X13 a node that is away for longer than its time to return is out, and in again when it is back; so is one in maintenance', () => {
  const fleet = fleetOf(2);
  fleet.publish('a');
  fleet.settle();
  fleet.disconnect(fleet.first);
  assert.deepEqual(fleet.serving()[0], 'n1 in: live');
  fleet.fireTimer();
  assert.equal(fleet.now, 10_000);
  assert.deepEqual(fleet.serving()[0], 'n1 out: not connected');
  fleet.connect(fleet.first);
  assert.deepEqual(fleet.serving()[0], 'n1 in: live');
  fleet.configure(undefined, ['n1']);
  assert.deepEqual(fleet.serving()[0], 'n1 out: maintenance');
});

test('X13 after a CCM restart nobody is taken out before it had its time to come back', () => {
  const fleet = fleetOf(2);
  fleet.publish('a');
  fleet.settle();
  fleet.restart();
  assert.deepEqual(fleet.serving(), ['n1 in: live', 'n2 in: live']);
  fleet.connect(fleet.first);
  while (fleet.now < 10_000) assert.ok(fleet.fireTimer());
  assert.deepEqual(fleet.serving(), ['n1 in: live', 'n2 out: not connected']);
});

test('X13 a CCM that sees nobody takes nobody out: the network is its own trouble, and the nodes serve on', () => {
  const fleet = fleetOf(3);
  fleet.publish('a');
  fleet.settle();
  fleet.first.pluginFails = 'PLUGIN_FAILED';
  fleet.publish('b');
  fleet.settle();
  for (const node of fleet.nodes) fleet.disconnect(node);
  while (fleet.now < 20_000 && fleet.fireTimer());
  assert.deepEqual(fleet.serving(), [
    'n1 out: stale: failed on n1 [PLUGIN_FAILED]',
    'n2 in: live',
    'n3 in: live',
  ]);
  // One is back: now the others are missing, not the network.
  const [, second] = fleet.nodes;
  assert.ok(second);
  fleet.connect(second);
  fleet.settle();
  assert.deepEqual(fleet.serving(), ['n1 out: not connected', 'n2 in: live', 'n3 out: not connected']);
});

test('X13 N27 the minimum in service counts who is out of sight last', () => {
  const fleet = fleetOf(3, {
    drain: { batch: { count: 1, share: 0 }, minInService: { count: 2, share: 0 }, onFailure: 'hold' },
  });
  fleet.publish('a');
  fleet.settle();
  fleet.disconnect(fleet.first);
  const [, second] = fleet.nodes;
  assert.ok(second);
  fleet.disconnect(second);
  while (fleet.now < 20_000 && fleet.fireTimer());
  assert.deepEqual(fleet.serving(), [
    'n1 in: not connected; kept in service, as fewer than 2 would serve without',
    'n2 out: not connected',
    'n3 in: live',
  ]);
});

test('X13 N27 stale content beats none: the last ones stay in service, those that fail last', () => {
  const fleet = fleetOf(3, {
    drain: {
      batch: { count: 3, share: 0 },
      minInService: { count: 2, share: 0 },
      onFailure: 'force',
    },
  });
  fleet.publish('a');
  fleet.settle();
  for (const node of fleet.nodes) node.pluginFails = 'PROBE_FAILED';
  fleet.first.pluginFails = 'PLUGIN_FAILED';
  fleet.publish('b');
  fleet.settle();
  assert.deepEqual(fleet.serving(), [
    'n1 out: stale: failed on n1 [PLUGIN_FAILED]',
    'n2 in: stale: failed on n2 [PROBE_FAILED]; kept in service, as fewer than 2 would serve without',
    'n3 in: stale: failed on n3 [PROBE_FAILED]; kept in service, as fewer than 2 would serve without',
  ]);
});

test('X13 JOB-19 a node that a rollout took out is out until it is put back', () => {
  const fleet = fleetOf(2, {
    drain: { batch: { count: 1, share: 0 }, minInService: { count: 1, share: 0 }, onFailure: 'hold' },
  });
  fleet.publish('a');
  fleet.settle();
  fleet.publish('b');
  const seen = new Set<string | undefined>();
  do seen.add(fleet.serving()[0]);
  while (fleet.step());
  assert.deepEqual(
    [...seen],
    ['n1 in: live', 'n1 out: publish 1-0002', 'n1 in: live'].filter(
      (line, i, all) => all.indexOf(line) === i,
    ),
  );
});

test('X13 JOB-21 JOB-19 a release that every probe refuses never leaves too few in service: who went back is put back', () => {
  const fleet = fleetOf(4, {
    drain: { batch: { count: 1, share: 0 }, minInService: { count: 3, share: 0 }, onFailure: 'hold' },
  });
  fleet.publish('a');
  fleet.settle();
  for (const node of fleet.nodes) node.pluginFails = 'PROBE_FAILED';
  fleet.publish('b');
  do
    assert.ok(
      servingOf(fleet.state, site).filter(({ wanted }) => wanted === 'in').length >= 3,
      fleet.serving().join('\n'),
    );
  while (fleet.step());
  assert.match(fleet.told.at(-1) ?? '', /live 0\/4/);
});
