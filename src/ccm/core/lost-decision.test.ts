// A database that was copied back from an older backup: what the nodes know of decisions that it has lost (JOB-25 to JOB-28).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SiteHolding } from '../../model/messages.ts';
import type { SignedDecision } from '../../model/receipt.ts';
import { defaultSitePolicy } from '../../model/site.ts';
import { hasCode } from '../registry/testing/has-code.ts';
import { servingOf } from './serving.ts';
import { createSimulatedFleet, site } from './testing/simulated-fleet.ts';

type Fleet = ReturnType<typeof createSimulatedFleet>;

function fleetOf(nodes: number): Fleet {
  const fleet = createSimulatedFleet({ nodes, pick: () => 0 });
  for (const node of fleet.nodes) fleet.connect(node);
  return fleet;
}

function publishAll(fleet: Fleet, ...trees: readonly string[]): void {
  for (const tree of trees) {
    fleet.publish(tree);
    fleet.settle();
    // So that each decision has a time of its own.
    fleet.wait(1_000);
  }
}

const liveTrees = (fleet: Fleet) => fleet.nodes.map((node) => node.live?.tree ?? null);
const nodeOf = (fleet: Fleet, index: number) => fleet.nodes[index] as Fleet['nodes'][0];

/** Three nodes on `c`, a database that knows of `a` alone. */
function copiedBack(nodes = 3): Fleet {
  const fleet = fleetOf(nodes);
  publishAll(fleet, 'a');
  const copy = fleet.copyDatabase();
  publishAll(fleet, 'b', 'c');
  fleet.copyBack(copy);
  return fleet;
}

test('JOB-25 a database that is older than what is served changes nothing on any node, and says so', () => {
  const fleet = copiedBack();
  const sent: string[] = [];
  fleet.onSend((message) => sent.push(message.type));
  for (const node of fleet.nodes) fleet.connect(node);
  fleet.settle();
  while (fleet.fireTimer()) fleet.settle();
  assert.deepEqual(liveTrees(fleet), ['c', 'c', 'c']);
  assert.deepEqual(sent, []);
  const { epoch, sequence, lost } = fleet.site();
  assert.deepEqual([epoch, sequence, lost?.decision.toTree], [2, 3, 'c']);
  const told = fleet.logged.filter(({ kind }) => kind === 'decision.lost');
  assert.deepEqual(
    told.map(({ data }) => [data?.['release'], data?.['toTree'], data?.['known']]),
    [[{ epoch: 1, sequence: 3 }, 'c', { epoch: 1, sequence: 1 }]],
  );
  // They serve what was decided last: no balancer turns anybody away from them.
  assert.deepEqual(
    servingOf(fleet.state, site).map(({ wanted }) => wanted),
    ['in', 'in', 'in'],
  );
});

test('JOB-25 the next publish is above everything that was lost, and reaches every node', () => {
  const fleet = copiedBack();
  for (const node of fleet.nodes) fleet.connect(node);
  publishAll(fleet, 'd');
  assert.deepEqual(liveTrees(fleet), ['d', 'd', 'd']);
  assert.deepEqual(fleet.decisions.at(-1)?.release, { epoch: 2, sequence: 4 });
  assert.equal(fleet.site().lost, null);
  fleet.rollback('back');
  fleet.settle();
  assert.deepEqual(liveTrees(fleet), ['a', 'a', 'a']);
});

test('JOB-25 publishing the tree that the old database takes for live is no "unchanged"', () => {
  const fleet = copiedBack();
  for (const node of fleet.nodes) fleet.connect(node);
  publishAll(fleet, 'a');
  assert.deepEqual(liveTrees(fleet), ['a', 'a', 'a']);
  assert.deepEqual(fleet.decisions.at(-1)?.release, { epoch: 2, sequence: 4 });
});

test('JOB-25 several nodes with different lost decisions: the newest counts, the others wait for the next publish', () => {
  const fleet = fleetOf(3);
  publishAll(fleet, 'a');
  const copy = fleet.copyDatabase();
  publishAll(fleet, 'b');
  fleet.disconnect(nodeOf(fleet, 2));
  publishAll(fleet, 'c');
  fleet.copyBack(copy);
  for (const index of [2, 0, 1]) fleet.connect(nodeOf(fleet, index));
  fleet.settle();
  while (fleet.fireTimer()) fleet.settle();
  assert.deepEqual(liveTrees(fleet), ['c', 'c', 'b']);
  assert.equal(fleet.site().lost?.decision.toTree, 'c');
  const phases = fleet.nodes.map(({ name }) => fleet.state.nodes.get(name)?.sites.get(site)?.phase);
  assert.deepEqual(phases, ['live', 'live', 'stale']);
  publishAll(fleet, 'd');
  assert.deepEqual(liveTrees(fleet), ['d', 'd', 'd']);
});

test('JOB-25 a rollback is refused while the history is lost', () => {
  const fleet = copiedBack();
  for (const node of fleet.nodes) fleet.connect(node);
  assert.throws(() => fleet.rollback('back'), hasCode('HISTORY_LOST'));
  assert.deepEqual(liveTrees(fleet), ['c', 'c', 'c']);
});

test('JOB-27 what the old database had queued, and what was found on the branch, is not published over something newer', () => {
  const fleet = fleetOf(1);
  publishAll(fleet, 'a');
  fleet.publish('old');
  const copy = fleet.copyDatabase();
  fleet.settle();
  publishAll(fleet, 'c');
  fleet.copyBack(copy);
  fleet.publish('head', 'found', 'recovery');
  fleet.connect(nodeOf(fleet, 0));
  fleet.settle();
  while (fleet.fireTimer()) fleet.settle();
  assert.deepEqual(liveTrees(fleet), ['c']);
  assert.match(fleet.told.filter((line) => line.startsWith('found:')).join(), /HISTORY_LOST.*\(end\)/s);
  assert.match(fleet.told.filter((line) => line.startsWith('job-old:')).join(), /\(end\)/);
});

test('JOB-27 a branch that holds the very tree of the lost decision is published: no node changes, and the history goes on', () => {
  const fleet = copiedBack(2);
  fleet.publish('c', 'found', 'recovery');
  for (const node of fleet.nodes) fleet.connect(node);
  fleet.settle();
  assert.deepEqual(liveTrees(fleet), ['c', 'c']);
  assert.equal(fleet.site().lost, null);
  assert.equal(fleet.site().live?.tree, 'c');
  assert.deepEqual(fleet.decisions.at(-1)?.release, { epoch: 2, sequence: 4 });
});

test('JOB-26 a node that comes later with a lost decision follows what was published since', () => {
  const fleet = fleetOf(2);
  publishAll(fleet, 'a');
  const copy = fleet.copyDatabase();
  publishAll(fleet, 'b', 'c', 'd');
  fleet.copyBack(copy);
  // It alone is there: nobody knows of the lost decisions.
  const [first, late] = [nodeOf(fleet, 0), nodeOf(fleet, 1)];
  first.lastDecision = fleet.decisions[0] as SignedDecision;
  first.live = { release: { epoch: 1, sequence: 1 }, tree: 'a' };
  fleet.connect(first);
  fleet.fireTimer();
  publishAll(fleet, 'e');
  assert.deepEqual(fleet.decisions.at(-1)?.release, { epoch: 1, sequence: 2 });
  fleet.connect(late);
  fleet.settle();
  assert.deepEqual(liveTrees(fleet), ['e', 'e']);
  assert.deepEqual(fleet.decisions.at(-1)?.release, { epoch: 2, sequence: 5 });
  assert.equal(fleet.site().lost, null);
});

test('JOB-26 another decision of the very same release is a lost one as well', () => {
  const fleet = fleetOf(2);
  publishAll(fleet, 'a');
  const copy = fleet.copyDatabase();
  fleet.disconnect(nodeOf(fleet, 0));
  publishAll(fleet, 'b');
  fleet.copyBack(copy);
  fleet.connect(nodeOf(fleet, 0));
  fleet.fireTimer();
  publishAll(fleet, 'other');
  assert.deepEqual(fleet.decisions.at(-1)?.release, fleet.decisions.at(-2)?.release);
  fleet.connect(nodeOf(fleet, 1));
  fleet.settle();
  assert.deepEqual(liveTrees(fleet), ['other', 'other']);
  assert.deepEqual(fleet.decisions.at(-1)?.release, { epoch: 2, sequence: 3 });
});

test('JOB-25 one site’s lost decision raises the epoch of all: the nodes of the others may come later', () => {
  const fleet = copiedBack(1);
  const other = { ...configuration('other', [nodeOf(fleet, 0).name]) };
  fleet.post({
    type: 'configured',
    sites: [configuration(site, [nodeOf(fleet, 0).name]), other],
    nodes: [{ name: nodeOf(fleet, 0).name, maintenance: false }],
    removedSites: [],
  });
  fleet.connect(nodeOf(fleet, 0));
  assert.equal(fleet.state.sites.get('other')?.epoch, 2);
  assert.equal(fleet.state.sites.get('other')?.lost, null);
});

test('JOB-28 a site made after the backup: its servers keep it, and when it is added again its releases go on above theirs', () => {
  const fleet = fleetOf(1);
  const node = nodeOf(fleet, 0);
  publishAll(fleet, 'a', 'b');
  const members = [node.name];
  const configure = (sites: readonly string[], removedSites: { name: string; epoch: number }[] = []) =>
    fleet.post({
      type: 'configured',
      sites: sites.map((name) => configuration(name, members, removedSites.length)),
      nodes: [{ name: node.name, maintenance: false }],
      removedSites: removedSites.filter(({ name }) => !sites.includes(name)),
    });
  // A database that never had the site.
  fleet.disconnect(node);
  fleet.configure([]);
  configure([]);
  fleet.connect(node);
  fleet.settle();
  assert.deepEqual(liveTrees(fleet), ['b']);
  assert.deepEqual(
    fleet.logged.filter(({ kind }) => kind === 'node.holds.unknown.site').map(({ data }) => data?.['site']),
    [site],
  );
  configure([site]);
  fleet.settle();
  assert.equal(fleet.site().lost?.decision.toTree, 'b');
  publishAll(fleet, 'c');
  assert.deepEqual(liveTrees(fleet), ['c']);
  assert.deepEqual(fleet.decisions.at(-1)?.release, { epoch: 2, sequence: 3 });
});

test('JOB-28 a site that was removed before the backup and made anew after it is not taken from its servers', () => {
  const fleet = fleetOf(1);
  const node = nodeOf(fleet, 0);
  fleet.disconnect(node);
  fleet.configure([]);
  const removed: string[] = [];
  fleet.onSend((message) => {
    if (message.type === 'removed') removed.push(message.site);
  });
  fleet.post({
    type: 'configured',
    sites: [],
    nodes: [{ name: node.name, maintenance: false }],
    removedSites: [
      { name: 'anew', epoch: 1 },
      { name: 'gone', epoch: 2 },
    ],
  });
  const holding = (name: string): SiteHolding => ({
    site: name,
    live: { release: { epoch: 2, sequence: 1 }, tree: 'x' },
    backup: null,
    staged: null,
    lastDecision: null,
    executed: true,
  });
  fleet.post({
    type: 'nodeConnected',
    node: node.name,
    connection: 'again',
    sites: [holding('anew'), holding('gone')],
  });
  assert.deepEqual(removed, ['gone']);
});

test('JOB-28 a namesake’s old decisions are not lost ones', () => {
  const fleet = fleetOf(1);
  const node = nodeOf(fleet, 0);
  publishAll(fleet, 'a');
  fleet.disconnect(node);
  fleet.configure([]);
  fleet.post({
    type: 'configured',
    sites: [],
    nodes: [{ name: node.name, maintenance: false }],
    removedSites: [{ name: site, epoch: 1 }],
  });
  fleet.post({
    type: 'configured',
    sites: [{ ...configuration(site, [node.name], 1), epoch: 2 }],
    nodes: [{ name: node.name, maintenance: false }],
    removedSites: [],
  });
  fleet.connect(node);
  assert.equal(fleet.site().lost, null);
  publishAll(fleet, 'b');
  assert.deepEqual(liveTrees(fleet), ['b']);
});

test('JOB-28 a node whose membership is as lost as the decision it hands in keeps the site', () => {
  const fleet = fleetOf(2);
  fleet.configure(['n1']);
  publishAll(fleet, 'a');
  const copy = fleet.copyDatabase();
  fleet.configure();
  publishAll(fleet, 'b');
  fleet.copyBack(copy);
  fleet.configure(['n1']);
  fleet.connect(nodeOf(fleet, 1));
  fleet.connect(nodeOf(fleet, 0));
  fleet.settle();
  assert.deepEqual(liveTrees(fleet), ['b', 'b']);
});

test('JOB-25 R4.5 500 seeds: without anybody’s order no node ever goes back, whatever copy comes back when; then a push reaches all', () => {
  for (let seed = 1; seed <= 500; seed++) {
    try {
      copyBackAtRandom(seed);
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
});

/** Publishes `1`, `2`, … with nodes coming and going and copies of the database coming back, then only the latter. */
function copyBackAtRandom(seed: number): void {
  let random = seed;
  const pick = (bound: number) => {
    random = (Math.imul(random, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (random >> 8) % bound;
  };
  const fleet = createSimulatedFleet({ nodes: 1 + pick(4), pick });
  for (const node of fleet.nodes) fleet.connect(node);
  const copies = [fleet.copyDatabase()];
  let published = 0;
  const turn = (dice: number) => {
    const node = nodeOf(fleet, pick(fleet.nodes.length));
    if (dice === 0) fleet.disconnect(node);
    else if (dice < 3 && node.connection === null) fleet.connect(node);
    else if (dice === 3) fleet.fireTimer();
    else fleet.step();
  };
  for (let count = 0; count < 150; count++) {
    if (pick(12) === 0) fleet.publish(String(++published));
    else if (pick(20) === 0) copies.push(fleet.copyDatabase());
    else turn(pick(12));
  }
  fleet.copyBack(copies[pick(copies.length)] as (typeof copies)[0], { isNoticed: true });
  const served = () => fleet.nodes.map((node) => Number(node.live?.tree ?? 0));
  let before = served();
  for (let count = 0; count < 150; count++) {
    turn(pick(12));
    const now = served();
    for (const [index, tree] of now.entries())
      assert.ok(tree >= (before[index] ?? 0), `n${index + 1} went from ${before[index]} to ${tree}`);
    before = now;
  }
  for (const node of fleet.nodes) if (node.connection === null) fleet.connect(node);
  fleet.publish('1000', 'last');
  for (let guard = 0; guard < 1_000; guard++) {
    fleet.settle();
    if (!fleet.fireTimer()) break;
  }
  assert.deepEqual(new Set(served()), new Set([1_000]));
}

function configuration(name: string, members: readonly string[], formerEpoch = 0) {
  return {
    name,
    epoch: 1,
    formerEpoch,
    repository: name,
    branch: 'main',
    policy: defaultSitePolicy,
    members,
  };
}
