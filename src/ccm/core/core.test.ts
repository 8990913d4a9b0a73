// The job machine's rules, one story each: what is decided, who is told, what each node ends up serving.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TreecastError } from '../../model/treecast-error.ts';
import { createSimulatedFleet, site } from './testing/simulated-fleet.ts';

function connectedFleet(nodes: number, policy = {}) {
  const fleet = createSimulatedFleet({ nodes, policy, pick: () => 0 });
  for (const node of fleet.nodes) fleet.connect(node);
  fleet.settle();
  return fleet;
}

const liveTrees = (fleet: ReturnType<typeof connectedFleet>) =>
  fleet.nodes.map((node) => node.live?.tree ?? null);
const refusedWith = (code: string) => (error: unknown) =>
  error instanceof TreecastError && error.code === code;

test('JOB-6 X1 a publish stages everywhere, is decided once, and is live everywhere', () => {
  const fleet = connectedFleet(3);
  fleet.publish('a');
  fleet.settle();
  assert.deepEqual(liveTrees(fleet), ['a', 'a', 'a']);
  assert.equal(fleet.decisions.length, 1);
  assert.deepEqual(fleet.told, ['job-a: staged 3/3  live 3/3  0 ms (end)']);
});

test('JOB-3 a wanted tree that is live already succeeds at once and records the commit', () => {
  const fleet = connectedFleet(2);
  fleet.publish('a');
  fleet.settle();
  fleet.publish('a', 'again');
  assert.match(fleet.told.at(-1) ?? '', /^again: unchanged/);
  assert.equal(fleet.decisions.length, 1);
  assert.equal(fleet.site().live?.job, 'again');
});

test('JOB-2 N25 newest wins among queued publishes, the running one goes on, and each pusher is told the truth', () => {
  const fleet = connectedFleet(2);
  fleet.publish('a');
  fleet.publish('b');
  fleet.publish('c');
  fleet.settle();
  assert.deepEqual(liveTrees(fleet), ['c', 'c']);
  assert.deepEqual(
    fleet.decisions.map((decision) => decision.toTree),
    ['a', 'c'],
  );
  assert.match(fleet.told.join('\n'), /job-b: not published: commit commit-c is newer/);
});

test('JOB-7 N3 one node that cannot stage holds the release everywhere, and is named with the reason', () => {
  const fleet = connectedFleet(3);
  fleet.publish('a');
  fleet.settle();
  (fleet.nodes[1] as (typeof fleet.nodes)[0]).failsWith = 'SPACE_INSUFFICIENT';
  fleet.publish('b');
  fleet.settle();
  assert.deepEqual(liveTrees(fleet), ['a', 'a', 'a']);
  assert.deepEqual(
    fleet.nodes.map((node) => node.staged),
    [null, null, null],
  );
  assert.match(fleet.told.at(-1) ?? '', /n2: no space \[SPACE_INSUFFICIENT\]/);
});

test('JOB-9 N71 a node that is away is left out, owed the work, and gets it when it returns', () => {
  const fleet = connectedFleet(3);
  const away = fleet.nodes[2] as (typeof fleet.nodes)[0];
  fleet.disconnect(away);
  fleet.publish('a');
  fleet.publish('b');
  fleet.settle();
  assert.deepEqual(liveTrees(fleet), ['b', 'b', null]);
  assert.match(fleet.told.at(-1) ?? '', /staged 2\/3 {2}live 2\/3 .*\nn3: not connected or in maintenance/);
  fleet.connect(away);
  fleet.settle();
  assert.deepEqual(liveTrees(fleet), ['b', 'b', 'b']);
});

test('JOB-9 a node in maintenance is left out and synchronized when maintenance ends', () => {
  const fleet = connectedFleet(2);
  fleet.configure(undefined, ['n1']);
  fleet.publish('a');
  fleet.settle();
  assert.deepEqual(liveTrees(fleet), [null, 'a']);
  fleet.configure();
  fleet.settle();
  assert.deepEqual(liveTrees(fleet), ['a', 'a']);
});

test('JOB-4 fewer than half of the members connected: the job is deferred, says so, and starts by itself', () => {
  const fleet = connectedFleet(3);
  fleet.disconnect(fleet.nodes[0] as (typeof fleet.nodes)[0]);
  fleet.disconnect(fleet.nodes[1] as (typeof fleet.nodes)[0]);
  fleet.publish('a');
  fleet.settle();
  assert.match(
    fleet.told.at(-1) ?? '',
    /deferred: 1 of 3 members are connected, 2 are needed \(away: n1, n2\).*\(end\)/,
  );
  fleet.connect(fleet.nodes[0] as (typeof fleet.nodes)[0]);
  fleet.settle();
  assert.deepEqual(liveTrees(fleet), ['a', null, 'a']);
});

test('JOB-8 a node that dies in mid-stage fails the attempt after 10 s; the publish is tried again by itself without it', () => {
  const fleet = connectedFleet(3);
  fleet.publish('a');
  fleet.step();
  fleet.disconnect(fleet.nodes[0] as (typeof fleet.nodes)[0]);
  fleet.settle();
  assert.deepEqual(liveTrees(fleet), [null, null, null]);
  fleet.fireTimer();
  assert.equal(fleet.now, 10_000);
  assert.match(fleet.told.at(-1) ?? '', /n1: lost its connection .*tried again by itself in 2 s/s);
  fleet.settle();
  while (fleet.decisions.length === 0 && fleet.fireTimer()) fleet.settle();
  assert.equal(fleet.now, 12_000);
  assert.deepEqual(liveTrees(fleet), [null, 'a', 'a']);
});

test('JOB-8 a node that returns within 10 s goes on where it was', () => {
  const fleet = connectedFleet(2);
  fleet.publish('a');
  fleet.step();
  const node = fleet.nodes[0] as (typeof fleet.nodes)[0];
  fleet.disconnect(node);
  fleet.settle();
  fleet.connect(node);
  fleet.settle();
  assert.deepEqual(liveTrees(fleet), ['a', 'a']);
  assert.equal(fleet.decisions.length, 1);
});

test('JOB-11 R8.4 a rollback returns to the release before, once for each, and is refused when none is left', () => {
  const fleet = connectedFleet(2);
  for (const tree of ['a', 'b', 'c']) {
    fleet.publish(tree);
    fleet.settle();
  }
  fleet.rollback('r1');
  fleet.settle();
  assert.deepEqual(liveTrees(fleet), ['b', 'b']);
  fleet.rollback('r2');
  fleet.settle();
  assert.deepEqual(liveTrees(fleet), ['a', 'a'], 'transferred: no node keeps it any more');
  assert.throws(() => fleet.rollback('r3'), refusedWith('NOTHING_TO_ROLL_BACK'));
  fleet.publish('d');
  fleet.settle();
  fleet.rollback('r4');
  fleet.settle();
  assert.deepEqual(liveTrees(fleet), ['a', 'a']);
});

test('JOB-11 a rollback aborts an undecided publish and goes ahead of queued ones', () => {
  const fleet = connectedFleet(2);
  for (const tree of ['a', 'b']) {
    fleet.publish(tree);
    fleet.settle();
  }
  fleet.publish('c');
  fleet.publish('d');
  fleet.step();
  fleet.rollback('r1');
  fleet.settle();
  assert.match(fleet.told.join('\n'), /job-c: not published: a rollback was ordered/);
  assert.deepEqual(
    fleet.decisions.map((decision) => `${decision.kind} ${decision.toTree}`),
    ['commit a', 'commit b', 'rollback a', 'commit d'],
  );
  assert.deepEqual(liveTrees(fleet), ['d', 'd']);
});

test('JOB-11 a rollback reaches nodes that do not hold the tree in the same job', () => {
  const fleet = connectedFleet(2);
  fleet.publish('a');
  fleet.settle();
  const late = fleet.nodes[1] as (typeof fleet.nodes)[0];
  fleet.disconnect(late);
  fleet.publish('b');
  fleet.settle();
  fleet.publish('c');
  fleet.settle();
  fleet.connect(late);
  fleet.settle();
  assert.deepEqual(liveTrees(fleet), ['c', 'c']);
  fleet.rollback('r1');
  fleet.settle();
  assert.deepEqual(liveTrees(fleet), ['b', 'b']);
  assert.match(fleet.told.at(-1) ?? '', /r1: rolled back .*live 2\/2/);
});

test('JOB-12 abort before the decision undoes staging; after it the job only goes forward', () => {
  const fleet = connectedFleet(2);
  fleet.publish('a');
  fleet.step();
  fleet.post({ type: 'abortRequested', job: 'job-a', requestedBy: 'operator' });
  fleet.settle();
  assert.deepEqual(liveTrees(fleet), [null, null]);
  assert.deepEqual(
    fleet.nodes.map((node) => node.staged),
    [null, null],
  );
  fleet.publish('b');
  while (fleet.decisions.length === 0) fleet.step();
  assert.throws(
    () => fleet.post({ type: 'abortRequested', job: 'job-b', requestedBy: 'operator' }),
    refusedWith('CONFLICT'),
  );
});

test('JOB-13 autonomous: each node goes live when it has staged, also while another cannot', () => {
  const fleet = connectedFleet(2, { autonomous: true });
  (fleet.nodes[0] as (typeof fleet.nodes)[0]).failsWith = 'SPACE_INSUFFICIENT';
  fleet.publish('a');
  fleet.settle();
  assert.deepEqual(liveTrees(fleet), [null, 'a']);
});

test('JOB-6 a quorum by share commits without a node that failed; it is stale and synchronized', () => {
  const fleet = connectedFleet(4, { commit: { count: 1, share: 0.5 } });
  const broken = fleet.nodes[0] as (typeof fleet.nodes)[0];
  broken.failsWith = 'SPACE_INSUFFICIENT';
  fleet.publish('a');
  fleet.settle();
  assert.deepEqual(liveTrees(fleet), [null, 'a', 'a', 'a']);
  broken.failsWith = null;
  while (broken.live === null && fleet.fireTimer()) fleet.settle();
  assert.deepEqual(liveTrees(fleet), ['a', 'a', 'a', 'a']);
});

test('JOB-4 after a CCM start a job waits up to 10 s for known members', () => {
  const fleet = createSimulatedFleet({ nodes: 2, pick: () => 0 });
  Object.assign(fleet.state, { startedAt: 0 });
  fleet.connect(fleet.nodes[0] as (typeof fleet.nodes)[0]);
  fleet.publish('a');
  fleet.settle();
  assert.deepEqual(liveTrees(fleet), [null, null]);
  fleet.fireTimer();
  fleet.settle();
  assert.equal(fleet.now, 10_000);
  assert.deepEqual(liveTrees(fleet), ['a', null]);
});

test('JOB-15 §4 a node that knows a decision above the CCM’s own raises the epoch before anything is issued', () => {
  const fleet = connectedFleet(1);
  const node = fleet.nodes[0] as (typeof fleet.nodes)[0];
  fleet.disconnect(node);
  node.lastDecision = {
    version: 1,
    site,
    release: { epoch: 1, sequence: 7 },
    kind: 'commit',
    fromTree: null,
    toTree: 'z',
    decidedAt: 0,
    signature: 'simulated',
  };
  node.live = { release: { epoch: 1, sequence: 7 }, tree: 'z' };
  fleet.connect(node);
  fleet.publish('a');
  fleet.settle();
  assert.deepEqual(fleet.decisions[0]?.release, { epoch: 2, sequence: 8 });
  assert.deepEqual(liveTrees(fleet), ['a']);
});

test('JOB-16 a node that left a site, or whose site was removed, while it was away is told to let go; one this CCM never knew is left alone', () => {
  const fleet = connectedFleet(1);
  const node = fleet.nodes[0] as (typeof fleet.nodes)[0];
  fleet.publish('a');
  fleet.settle();
  fleet.disconnect(node);
  fleet.configure([]);
  fleet.post({
    type: 'configured',
    sites: [],
    nodes: [{ name: node.name, maintenance: false }],
    removedSites: [{ name: 'gone', epoch: 1 }],
  });
  const removed: string[] = [];
  fleet.onSend((message) => {
    if (message.type === 'removed') removed.push(message.site);
  });
  const held = { live: node.live, backup: null, staged: null, lastDecision: null, executed: true };
  fleet.post({
    type: 'nodeConnected',
    node: node.name,
    connection: 'again',
    sites: [
      { site: 'gone', ...held },
      { site: 'unknown', ...held },
    ],
  });
  assert.deepEqual(removed, ['gone']);
});

test('JOB-1 participants that are all lost while the build goes on fail the attempt as soon as it is built', () => {
  const fleet = connectedFleet(1);
  fleet.publish('a');
  fleet.disconnect(fleet.nodes[0] as (typeof fleet.nodes)[0]);
  fleet.fireTimer();
  assert.equal(fleet.now, 10_000);
  fleet.settle();
  assert.match(fleet.told.at(-1) ?? '', /n1: lost its connection .*tried again by itself/s);
  assert.equal(fleet.site().running, null);
});

test('JOB-1 taking the node that is waited for out of the group lets the job go on', () => {
  const fleet = connectedFleet(2);
  const silent = fleet.nodes[0] as (typeof fleet.nodes)[0];
  silent.isSilent = true;
  fleet.publish('a');
  fleet.settle();
  assert.equal(fleet.decisions.length, 0);
  fleet.configure(['n2']);
  fleet.settle();
  assert.equal(fleet.nodes[1]?.live?.tree, 'a');
  assert.equal(fleet.site().running, null);
});

test('JOB-14 a node that staged and never answers the decision ends as stale after 30 s; the job ends with it named', () => {
  const fleet = connectedFleet(2);
  const silent = fleet.nodes[0] as (typeof fleet.nodes)[0];
  fleet.publish('a');
  while (fleet.decisions.length === 0) fleet.step();
  silent.isSilent = true;
  fleet.settle();
  fleet.fireTimer();
  assert.equal(fleet.now, 30_000);
  assert.match(fleet.told.at(-1) ?? '', /live 1\/2 .*\nn1: did not switch in 30 s \[SWITCH_FAILED\]/);
});

test('JOB-17 a retry and a decided job go on after a CCM restart', () => {
  const fleet = connectedFleet(2);
  fleet.publish('a');
  while (fleet.decisions.length === 0) fleet.step();
  fleet.restart();
  for (const node of fleet.nodes) fleet.connect(node);
  fleet.settle();
  assert.deepEqual(liveTrees(fleet), ['a', 'a']);
  assert.equal(fleet.site().running, null);
  fleet.publish('b');
  fleet.disconnect(fleet.nodes[0] as (typeof fleet.nodes)[0]);
  while (fleet.site().running !== null) {
    fleet.settle();
    fleet.fireTimer();
  }
  fleet.restart();
  fleet.connect(fleet.nodes[1] as (typeof fleet.nodes)[0]);
  while (fleet.nodes[1]?.live?.tree !== 'b' && fleet.fireTimer()) fleet.settle();
  assert.deepEqual(liveTrees(fleet), ['a', 'b'], 'tried again by itself');
});

test('JOB-9 R8.5 a node that was left out is shown as stale from the moment of the decision', () => {
  const fleet = connectedFleet(2);
  fleet.publish('a');
  fleet.settle();
  fleet.disconnect(fleet.nodes[1] as (typeof fleet.nodes)[0]);
  fleet.publish('b');
  fleet.settle();
  assert.equal(fleet.state.nodes.get('n1')?.sites.get(site)?.phase, 'live');
  assert.equal(fleet.state.nodes.get('n2')?.sites.get(site)?.phase, 'stale');
});
