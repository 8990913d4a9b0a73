// JOB-20, JOB-21: nodes that have the decided tree but not all that belongs to it, and nodes that went back from it by themselves.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { servingOf } from './serving.ts';
import { createSimulatedFleet, site } from './testing/simulated-fleet.ts';

function servingFleet(nodes: number, policy = {}) {
  const fleet = createSimulatedFleet({ nodes, policy, pick: () => 0 });
  for (const node of fleet.nodes) fleet.connect(node);
  fleet.settle();
  fleet.publish('a');
  fleet.settle();
  return fleet;
}

type Fleet = ReturnType<typeof servingFleet>;
const nodeOf = (fleet: Fleet, name: string) => {
  const found = fleet.nodes.find((node) => node.name === name);
  assert.ok(found);
  return found;
};
const rowOf = (fleet: Fleet, name: string) => {
  const row = fleet.state.nodes.get(name)?.sites.get(site);
  assert.ok(row);
  return row;
};
const decisionsSent = (fleet: Fleet) => {
  const sent: string[] = [];
  fleet.onSend((message) => {
    if (message.type !== 'grant') sent.push(message.type);
  });
  return sent;
};
const fireAll = (fleet: Fleet) => {
  while (fleet.fireTimer()) fleet.settle();
};

test('JOB-20 a plugin that fails after the switch: the node has the right tree and is stale, named, and sent nothing', () => {
  const fleet = servingFleet(2);
  nodeOf(fleet, 'n1').pluginFails = 'PLUGIN_FAILED';
  fleet.publish('b');
  fleet.settle();
  assert.equal(nodeOf(fleet, 'n1').live?.tree, 'b');
  assert.match(fleet.told.at(-1) ?? '', /live 1\/2 .*\nn1: failed on n1 \[PLUGIN_FAILED\] \(end\)/s);
  const sent = decisionsSent(fleet);
  fireAll(fleet);
  assert.deepEqual(sent, []);
  assert.equal(rowOf(fleet, 'n1').phase, 'stale');
  assert.equal(rowOf(fleet, 'n1').error?.code, 'PLUGIN_FAILED');
  assert.deepEqual(servingOf(fleet.state, site)[0], {
    node: 'n1',
    wanted: 'out',
    reason: 'stale: failed on n1 [PLUGIN_FAILED]',
  });
});

test('JOB-20 it stays so when the node comes back with the right tree, until it says that it has switched', () => {
  const fleet = servingFleet(2);
  const failing = nodeOf(fleet, 'n1');
  failing.pluginFails = 'PLUGIN_FAILED';
  fleet.publish('b');
  fleet.settle();
  fleet.disconnect(failing);
  fleet.connect(failing);
  fleet.settle();
  assert.equal(rowOf(fleet, 'n1').phase, 'stale');
  failing.pluginFails = null;
  fleet.disconnect(failing);
  fleet.connect(failing);
  assert.equal(rowOf(fleet, 'n1').phase, 'stale', 'its hello alone proves nothing');
  fleet.settle();
  assert.equal(rowOf(fleet, 'n1').phase, 'live');
  assert.equal(rowOf(fleet, 'n1').error, null);
  assert.deepEqual(fleet.logged.at(-1)?.data, {
    fromTree: 'a',
    toTree: 'b',
    release: { epoch: 1, sequence: 2 },
  });
});

test('JOB-20 JOB-3 a publish of the tree that is live has it told the decision once more, and nobody else', () => {
  const fleet = servingFleet(2);
  nodeOf(fleet, 'n1').pluginFails = 'PLUGIN_FAILED';
  fleet.publish('b');
  fleet.settle();
  const sent = decisionsSent(fleet);
  nodeOf(fleet, 'n1').pluginFails = null;
  fleet.publish('b');
  fleet.settle();
  assert.deepEqual(sent, ['decision']);
  assert.match(fleet.told.at(-1) ?? '', /unchanged: tree b is live already/);
});

test('JOB-20 a later decision that it carries out well ends it; one for the tree that it has already does not by itself', () => {
  const fleet = servingFleet(2);
  const failing = nodeOf(fleet, 'n1');
  fleet.publish('b');
  fleet.settle();
  failing.pluginFails = 'PLUGIN_FAILED';
  fleet.publish('c');
  fleet.settle();
  fleet.disconnect(failing);
  fleet.rollback('r1');
  fleet.settle();
  fleet.publish('c', 'again');
  fleet.settle();
  assert.equal(failing.live?.tree, 'c');
  assert.equal(rowOf(fleet, 'n1').phase, 'stale', 'its live tree is the wanted one again');
  failing.pluginFails = null;
  fleet.connect(failing);
  fleet.settle();
  assert.equal(rowOf(fleet, 'n1').phase, 'live');
});

test('JOB-20 in an autonomous site and in a rollback too the job ends with the node as stale', () => {
  const autonomous = servingFleet(2, { autonomous: true });
  nodeOf(autonomous, 'n1').pluginFails = 'PLUGIN_FAILED';
  autonomous.publish('b');
  autonomous.settle();
  assert.match(autonomous.told.at(-1) ?? '', /live 1\/2 .*\nn1: failed on n1/s);
  const fleet = servingFleet(2);
  fleet.publish('b');
  fleet.settle();
  nodeOf(fleet, 'n1').pluginFails = 'PLUGIN_FAILED';
  fleet.rollback('r1');
  fleet.settle();
  assert.match(fleet.told.at(-1) ?? '', /^r1: rolled back .*live 1\/2 .*\nn1: failed on n1/s);
});

test('JOB-21 a node whose probe failed has gone back by itself: it is neither told nor synchronized again until the next decision', () => {
  const fleet = servingFleet(3);
  const back = nodeOf(fleet, 'n1');
  back.pluginFails = 'PROBE_FAILED';
  fleet.publish('b');
  fleet.settle();
  assert.deepEqual(
    fleet.nodes.map((node) => node.live?.tree),
    ['a', 'b', 'b'],
  );
  assert.match(fleet.told.at(-1) ?? '', /live 2\/3 .*\nn1: failed on n1 \[PROBE_FAILED\] \(end\)/s);
  back.pluginFails = null;
  const sent = decisionsSent(fleet);
  fireAll(fleet);
  fleet.disconnect(back);
  fleet.connect(back);
  fleet.settle();
  fleet.restart();
  for (const node of fleet.nodes) fleet.connect(node);
  fleet.configure(undefined, ['n1']);
  fleet.configure();
  fleet.settle();
  fireAll(fleet);
  assert.deepEqual(sent, []);
  assert.equal(back.live?.tree, 'a');
  assert.deepEqual([rowOf(fleet, 'n1').phase, rowOf(fleet, 'n1').error?.code], ['stale', 'PROBE_FAILED']);
  fleet.publish('c');
  fleet.settle();
  assert.equal(back.live?.tree, 'c');
  assert.equal(rowOf(fleet, 'n1').phase, 'live');
});

test('JOB-21 a publish that fails in between does not make it forgotten', () => {
  const fleet = servingFleet(2);
  const back = nodeOf(fleet, 'n1');
  back.pluginFails = 'PROBE_FAILED';
  fleet.publish('b');
  fleet.settle();
  back.pluginFails = null;
  nodeOf(fleet, 'n2').failsWith = 'SPACE_INSUFFICIENT';
  fleet.publish('c');
  fleet.settle();
  assert.match(fleet.told.at(-1) ?? '', /not published/);
  fireAll(fleet);
  assert.equal(back.live?.tree, 'a');
  assert.deepEqual([rowOf(fleet, 'n1').phase, rowOf(fleet, 'n1').error?.code], ['stale', 'PROBE_FAILED']);
});

test('JOB-21 JOB-11 a rollback to the tree that it went back to makes it live at once', () => {
  const fleet = servingFleet(2);
  const back = nodeOf(fleet, 'n1');
  back.pluginFails = 'PROBE_FAILED';
  fleet.publish('b');
  fleet.settle();
  back.pluginFails = null;
  fleet.rollback('r1');
  fleet.settle();
  assert.match(fleet.told.at(-1) ?? '', /^r1: rolled back .*live 2\/2/);
  assert.deepEqual([rowOf(fleet, 'n1').phase, rowOf(fleet, 'n1').error], ['live', null]);
});

test('JOB-21 a node that lost its tree meanwhile is given the decided one: there is nothing left to go back to', () => {
  const fleet = servingFleet(2);
  const back = nodeOf(fleet, 'n1');
  back.pluginFails = 'PROBE_FAILED';
  fleet.publish('b');
  fleet.settle();
  fleet.disconnect(back);
  Object.assign(back, {
    live: null,
    backup: null,
    lastDecision: null,
    wentBackFrom: null,
    pluginFails: null,
  });
  fleet.connect(back);
  fleet.settle();
  assert.equal(back.live?.tree, 'b');
});
