// JOB-19: a publish that goes round load balancers, one story each.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DrainPolicy, SitePolicy } from '../../model/site.ts';
import { createSimulatedFleet, site } from './testing/simulated-fleet.ts';

const drain: DrainPolicy = {
  batch: { count: 1, share: 0 },
  minInService: { count: 1, share: 0 },
  onFailure: 'hold',
};

/** All nodes serve tree `a`. */
function servingFleet(nodes: number, change: Partial<DrainPolicy> = {}, policy: Partial<SitePolicy> = {}) {
  const fleet = createSimulatedFleet({
    nodes,
    policy: { drain: { ...drain, ...change }, ...policy },
    pick: () => 0,
  });
  for (const node of fleet.nodes) fleet.connect(node);
  fleet.settle();
  fleet.publish('a');
  fleet.settle();
  fleet.told.length = 0;
  return {
    ...fleet,
    get now() {
      return fleet.now;
    },
    node(name: string) {
      const found = fleet.nodes.find((node) => node.name === name);
      assert.ok(found);
      return found;
    },
    liveTrees: () => fleet.nodes.map((node) => node.live?.tree ?? null),
    /** Publishes, and steps until the balancers were asked so many times. */
    publishUntil(tree: string, asked: number): void {
      fleet.publish(tree);
      while (fleet.balancers.asked.length < asked) assert.ok(fleet.step(), 'goes on');
    },
    jobNode: (job: string, name: string) => fleet.state.jobs.get(job)?.nodes.get(name),
    endText: () => fleet.told.findLast((line) => line.endsWith('(end)')) ?? '',
  };
}

test('JOB-19 the first release needs no balancers: nobody serves yet, everyone is told at once', () => {
  const fleet = servingFleet(3);
  assert.deepEqual(fleet.balancers.asked, []);
  assert.deepEqual(fleet.liveTrees(), ['a', 'a', 'a']);
});

test('JOB-19 X8 R9.2 batch by batch: taken out, switched, put back, and then the next', () => {
  const fleet = servingFleet(5, { batch: { count: 1, share: 0.4 } });
  fleet.publish('b');
  fleet.settle();
  assert.deepEqual(fleet.liveTrees(), ['b', 'b', 'b', 'b', 'b']);
  assert.deepEqual(fleet.balancers.asked, [
    'drain n1,n2',
    'restore n1,n2',
    'drain n3,n4',
    'restore n3,n4',
    'drain n5',
    'restore n5',
  ]);
  assert.match(fleet.endText(), /^job-b: staged 5\/5 {2}live 5\/5 {2}0 ms \(end\)$/);
  assert.match(fleet.told.join('\n'), /taking out of service: n1, n2 \(5 of 5 to be switched\)/);
});

test('JOB-19 N27 only as many are taken out as the minimum in service allows, however large the batch', () => {
  const fleet = servingFleet(4, { batch: { count: 4, share: 1 }, minInService: { count: 1, share: 0.75 } });
  fleet.publishUntil('b', 1);
  assert.deepEqual(fleet.balancers.asked, ['drain n1']);
  fleet.settle();
  assert.deepEqual(fleet.liveTrees(), ['b', 'b', 'b', 'b']);
});

test('JOB-19 a minimum that can never hold: one at a time moves while another serves', () => {
  const fleet = servingFleet(2, { minInService: { count: 2, share: 0 } });
  fleet.publish('b');
  fleet.settle();
  assert.deepEqual(fleet.balancers.asked, ['drain n1', 'restore n1', 'drain n2', 'restore n2']);
});

test('JOB-19 the only node is switched while it serves, and the job says so', () => {
  const fleet = servingFleet(1);
  fleet.publish('b');
  fleet.settle();
  assert.deepEqual(fleet.liveTrees(), ['b']);
  assert.deepEqual(fleet.balancers.asked, []);
  assert.match(fleet.endText(), /live 1\/1 .*\nn1: switched in service, as too few would have stayed/s);
});

test('JOB-19 without a drain policy nobody is asked', () => {
  const fleet = servingFleet(2, {}, { drain: null });
  fleet.publish('b');
  fleet.settle();
  assert.deepEqual(fleet.balancers.asked, []);
  assert.deepEqual(fleet.liveTrees(), ['b', 'b']);
});

test('JOB-19 JOB-11 a rollback goes round nobody, and cuts a publish on its way short: who had no turn is never switched', () => {
  const fleet = servingFleet(3);
  fleet.publishUntil('b', 3);
  assert.deepEqual(fleet.liveTrees(), ['b', 'a', 'a'], 'n2 is being taken out');
  fleet.rollback('r1');
  fleet.settle();
  assert.deepEqual(fleet.liveTrees(), ['a', 'a', 'a']);
  assert.deepEqual(fleet.balancers.asked, ['drain n1', 'restore n1', 'drain n2', 'restore n2']);
  assert.deepEqual(
    fleet.decisions.map(({ kind, toTree }) => `${kind} ${toTree}`),
    ['commit a', 'commit b', 'rollback a'],
  );
  assert.match(fleet.told.join('\n'), /job-b: .*live 1\/3 .*\nn2: not switched: a rollback was ordered/s);
  assert.match(fleet.endText(), /^r1: rolled back to tree a {2}live 3\/3/);
});

test('JOB-22 N27 hold: a node that cannot be taken out keeps its tree and its place, is named, and gets the next decision', () => {
  const fleet = servingFleet(3);
  fleet.balancers.failing.add('n2');
  fleet.publish('b');
  fleet.settle();
  assert.deepEqual(fleet.liveTrees(), ['b', 'a', 'b']);
  assert.match(
    fleet.endText(),
    /live 2\/3 .*\nn2: could not be taken out .*sessions remain \[DRAIN_FAILED\] — mend/s,
  );
  while (fleet.fireTimer()) fleet.settle();
  fleet.disconnect(fleet.node('n2'));
  fleet.connect(fleet.node('n2'));
  fleet.settle();
  assert.equal(fleet.node('n2').live?.tree, 'a', 'neither told nor synchronized, also after it was away');
  assert.equal(fleet.node('n2').lastDecision?.toTree, 'a');
  fleet.balancers.failing.clear();
  fleet.publish('c');
  fleet.settle();
  assert.deepEqual(fleet.liveTrees(), ['c', 'c', 'c']);
});

test('JOB-22 maintenance takes the node out: when it ends, the held node is given the decision', () => {
  const fleet = servingFleet(2);
  fleet.balancers.failing.add('n2');
  fleet.publish('b');
  fleet.settle();
  fleet.configure(undefined, ['n2']);
  fleet.settle();
  assert.deepEqual(fleet.liveTrees(), ['b', 'a']);
  fleet.configure();
  fleet.settle();
  assert.deepEqual(fleet.liveTrees(), ['b', 'b']);
});

test('JOB-19 N27 force: a node that cannot be taken out is switched all the same', () => {
  const fleet = servingFleet(2, { onFailure: 'force' });
  fleet.balancers.failing.add('n2');
  fleet.publish('b');
  fleet.settle();
  assert.deepEqual(fleet.liveTrees(), ['b', 'b']);
  assert.match(fleet.endText(), /live 2\/2 .*\nn2: live, but not back in service yet: sessions remain/s);
  assert.equal(fleet.logged.filter(({ kind }) => kind === 'node.drain.failed').length, 1);
});

test('JOB-19 balancers that answer nothing for 200 s have failed; the job is not stalled meanwhile', () => {
  const fleet = servingFleet(2);
  fleet.balancers.isSilent = true;
  fleet.publish('b');
  fleet.settle();
  while (fleet.now < 199_000 && fleet.site().running !== null) {
    assert.deepEqual(fleet.jobNode('job-b', 'n1')?.state, 'staged');
    fleet.fireTimer();
    fleet.settle();
  }
  assert.equal(fleet.now, 200_000);
  assert.equal(fleet.jobNode('job-b', 'n1')?.error?.code, 'DRAIN_FAILED');
  while (fleet.site().running !== null && fleet.fireTimer()) fleet.settle();
  assert.deepEqual(fleet.balancers.asked, ['drain n1', 'restore n1']);
  assert.deepEqual(fleet.liveTrees(), ['a', 'a'], 'n2 may be the only one that serves');
  assert.match(
    fleet.endText(),
    /n2: could not be taken out .*nobody else serves, as n1 could not be put back/,
  );
});

test('JOB-14 JOB-19 each batch has its time: a node that does not switch is stale, stays out, and the others go on', () => {
  const fleet = servingFleet(3, { settleMs: 45_000 });
  fleet.publishUntil('b', 1);
  fleet.node('n1').isSilent = true;
  fleet.settle();
  while (fleet.site().running !== null && fleet.fireTimer()) fleet.settle();
  assert.equal(fleet.now, 45_000);
  assert.deepEqual(fleet.balancers.asked, ['drain n1', 'drain n2', 'restore n2', 'drain n3', 'restore n3']);
  assert.match(fleet.endText(), /live 2\/3 .*\nn1: did not switch in 45 s \[SWITCH_FAILED\]/s);
});

test('JOB-8 JOB-19 a node that is away when its turn comes is passed over for 10 s, hears nothing early, and keeps its turn', () => {
  const fleet = servingFleet(3);
  const last = fleet.node('n3');
  fleet.publishUntil('b', 1);
  fleet.disconnect(last);
  fleet.connect(last);
  fleet.step();
  assert.equal(last.lastDecision?.toTree, 'a', 'its welcome does not tell it');
  fleet.disconnect(last);
  fleet.settle();
  assert.deepEqual(fleet.liveTrees(), ['b', 'b', 'a']);
  assert.equal(fleet.site().running, 'job-b', 'it has 10 s to return');
  fleet.connect(last);
  fleet.settle();
  assert.deepEqual(fleet.liveTrees(), ['b', 'b', 'b']);
  assert.deepEqual(fleet.balancers.asked.slice(-2), ['drain n3', 'restore n3']);
});

test('JOB-8 JOB-19 lost before its turn and back while the rollout goes on: it has its turn; back after the end it is synchronized', () => {
  const fleet = servingFleet(3);
  const last = fleet.node('n3');
  fleet.publishUntil('b', 1);
  fleet.node('n1').isSilent = true;
  fleet.disconnect(last);
  fleet.settle();
  fleet.fireTimer();
  assert.equal(fleet.jobNode('job-b', 'n3')?.error?.code, 'NODE_LOST');
  fleet.connect(last);
  fleet.settle();
  assert.equal(last.lastDecision?.toTree, 'a');
  while (fleet.site().running !== null && fleet.fireTimer()) fleet.settle();
  assert.deepEqual(fleet.balancers.asked.slice(-2), ['drain n3', 'restore n3']);
  assert.equal(last.live?.tree, 'b');
  fleet.node('n1').isSilent = false;
  fleet.disconnect(fleet.node('n1'));
  fleet.connect(fleet.node('n1'));
  fleet.settle();
  fleet.disconnect(last);
  fleet.publish('c');
  fleet.settle();
  while (fleet.site().running !== null && fleet.fireTimer()) fleet.settle();
  fleet.connect(last);
  fleet.settle();
  assert.equal(last.live?.tree, 'c');
});

test('JOB-19 a node that comes back without what it staged has no turn: it is stale and synchronized', () => {
  const fleet = servingFleet(3);
  const last = fleet.node('n3');
  fleet.publishUntil('b', 1);
  fleet.disconnect(last);
  last.staged = null;
  fleet.connect(last);
  fleet.settle();
  assert.deepEqual(fleet.liveTrees(), ['b', 'b', 'b']);
  assert.equal(fleet.balancers.asked.includes('drain n3'), false);
});

test('JOB-17 JOB-19 after a CCM restart everyone is put back, and whoever is not live has its turn', () => {
  const fleet = servingFleet(4);
  fleet.publishUntil('b', 3);
  assert.deepEqual(fleet.liveTrees(), ['b', 'a', 'a', 'a']);
  fleet.restart();
  for (const node of fleet.nodes) fleet.connect(node);
  fleet.settle();
  assert.deepEqual(fleet.liveTrees(), ['b', 'b', 'b', 'b']);
  assert.deepEqual(fleet.balancers.asked.slice(3), [
    'restore n1,n2,n3,n4',
    'drain n2',
    'restore n2',
    'drain n3',
    'restore n3',
    'drain n4',
    'restore n4',
  ]);
  assert.deepEqual([...fleet.balancers.out], []);
});

test('JOB-17 JOB-19 after a restart nobody is switched in service only because the others are not back yet', () => {
  const fleet = servingFleet(2);
  fleet.publishUntil('b', 1);
  fleet.restart();
  fleet.connect(fleet.node('n1'));
  fleet.settle();
  assert.deepEqual(fleet.liveTrees(), ['a', 'a'], 'n2 may return in a moment');
  fleet.connect(fleet.node('n2'));
  fleet.settle();
  assert.deepEqual(fleet.liveTrees(), ['b', 'b']);
  assert.equal(/switched in service/.test(fleet.told.join()), false);
});

test('JOB-6 JOB-19 a node that stages after the decision of a quorum waits for its turn as well', () => {
  const fleet = servingFleet(3, {}, { commit: { count: 2, share: 0 } });
  const slow = fleet.node('n3');
  slow.isSilent = true;
  fleet.publishUntil('b', 1);
  slow.isSilent = false;
  fleet.disconnect(slow);
  // It had staged when its connection broke.
  const { release } = fleet.site().lastDecision ?? {};
  assert.ok(release);
  slow.staged = { release, tree: 'b' };
  fleet.connect(slow);
  fleet.settle();
  assert.deepEqual(fleet.liveTrees(), ['b', 'b', 'b']);
  assert.deepEqual(fleet.balancers.asked.slice(-2), ['drain n3', 'restore n3']);
});

test('JOB-19 maintenance in the middle: the node is out of service anyway and is left out; a removed policy tells the rest at once', () => {
  const fleet = servingFleet(4);
  fleet.publishUntil('b', 1);
  fleet.configure(undefined, ['n2']);
  assert.equal(fleet.jobNode('job-b', 'n2')?.state, 'left-out');
  fleet.settle();
  assert.deepEqual(fleet.liveTrees(), ['b', 'a', 'b', 'b']);
  fleet.configure();
  fleet.settle();
  assert.deepEqual(fleet.liveTrees(), ['b', 'b', 'b', 'b']);
  fleet.publishUntil('c', 7);
  assert.equal(fleet.balancers.asked.at(-1), 'drain n1');
  const configured = fleet.site();
  fleet.post({
    type: 'configured',
    sites: [
      {
        name: site,
        epoch: 1,
        formerEpoch: 0,
        repository: site,
        branch: 'main',
        policy: { ...configured.policy, drain: null },
        members: [...configured.members],
      },
    ],
    nodes: fleet.nodes.map(({ name }) => ({ name, maintenance: false })),
    removedSites: [],
  });
  fleet.settle();
  assert.deepEqual(fleet.liveTrees(), ['c', 'c', 'c', 'c']);
  assert.deepEqual(fleet.balancers.asked.slice(7), ['restore n1']);
});
