// Nodes that lie to the core with receipts of their own: the job's outcome stays true, and the claim is in the log with a code.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Release } from '../../model/release.ts';
import type { CoreEvent } from './events.ts';
import { limits } from './limits.ts';
import { createSimulatedFleet, site } from './testing/simulated-fleet.ts';

type Fleet = ReturnType<typeof createSimulatedFleet>;

function connectedFleet(nodes: number): Fleet {
  const fleet = createSimulatedFleet({ nodes, pick: () => 0 });
  for (const node of fleet.nodes) fleet.connect(node);
  fleet.settle();
  return fleet;
}

function claim(
  node: string,
  phase: 'staged' | 'switched',
  release: Release,
  tree: string,
): Extract<CoreEvent, { type: 'nodeStaged' | 'nodeSwitched' }> {
  const receipt = {
    version: 1,
    node,
    site,
    phase,
    scope: 'changed',
    release,
    tree,
    at: 0,
    signature: 'its own',
  } as const;
  return phase === 'staged'
    ? { type: 'nodeStaged', node, site, assignment: 'simulated', receipt }
    : { type: 'nodeSwitched', node, site, receipt };
}

const refusals = (fleet: Fleet) =>
  fleet.logged.flatMap(({ kind, data }) => {
    const error = data?.['error'] as { code: string; message: string } | undefined;
    return kind === 'node.report.refused' && error ? [`${error.code}: ${error.message}`] : [];
  });
const liveOf = (fleet: Fleet, node: string) =>
  fleet.state.nodes.get(node)?.sites.get(site)?.live?.tree ?? null;

/** A fleet of two whose second node says only what the test says. */
function withLiar(): { fleet: Fleet; liar: string } {
  const fleet = connectedFleet(2);
  fleet.publish('a');
  fleet.settle();
  fleet.publish('b');
  fleet.settle();
  const second = fleet.nodes[1] as Fleet['nodes'][number];
  second.isSilent = true;
  return { fleet, liar: second.name };
}

test('JOB-31 a switch that was not decided is refused with a code, and the node counts for what it served before', () => {
  const { fleet, liar } = withLiar();
  fleet.publish('c');
  const running = fleet.state.jobs.get('job-c');
  fleet.post(claim(liar, 'switched', { epoch: 1, sequence: 3 }, 'c'));
  fleet.settle();
  assert.equal(running?.phase, 'staging');
  assert.equal(liveOf(fleet, liar), 'b');
  assert.deepEqual(refusals(fleet), ['RECEIPT_INVALID: claims a switch that was not decided']);
});

test('JOB-31 an old receipt shown again for a tree that is wanted again is refused, and the job ends without the node', () => {
  const { fleet, liar } = withLiar();
  fleet.publish('a', 'again');
  fleet.settle();
  fleet.post(claim(liar, 'staged', { epoch: 1, sequence: 1 }, 'a'));
  fleet.settle();
  assert.equal(fleet.state.jobs.get('again')?.nodes.get(liar)?.state, 'pending', 'of release 1, not 3');
  fleet.post(claim(liar, 'staged', { epoch: 1, sequence: 3 }, 'a'));
  fleet.settle();
  assert.equal(fleet.state.jobs.get('again')?.phase, 'committing');
  fleet.post(claim(liar, 'switched', { epoch: 1, sequence: 1 }, 'a'));
  fleet.settle();
  assert.deepEqual(refusals(fleet), [
    'RECEIPT_INVALID: shows an old receipt for the tree that is wanted now',
  ]);
  assert.equal(liveOf(fleet, liar), 'b');
  while (fleet.state.jobs.get('again')?.phase === 'committing' && fleet.fireTimer()) fleet.settle();
  assert.match(fleet.told.at(-1) ?? '', /live 1\/2[\s\S]*n2: did not switch/);
});

test('JOB-7 a tree that was not asked for, signed well, holds the release and is named', () => {
  const { fleet, liar } = withLiar();
  fleet.publish('c');
  fleet.settle();
  fleet.post(claim(liar, 'staged', { epoch: 1, sequence: 3 }, 'x'));
  fleet.settle();
  assert.match(fleet.told.at(-1) ?? '', /n2: staged tree x, not the wanted tree c \[TREE_MISMATCH\]/);
});

test('JOB-31 what a node says of a site that it is no member of changes nothing', () => {
  const { fleet, liar } = withLiar();
  fleet.configure(['n1']);
  const before = fleet.logged.length;
  fleet.post(claim(liar, 'switched', { epoch: 1, sequence: 2 }, 'b'));
  fleet.post({
    type: 'nodeStale',
    node: liar,
    site,
    release: { epoch: 1, sequence: 2 },
    live: null,
    error: { code: 'BUG', message: 'x' },
  });
  fleet.settle();
  assert.equal(fleet.logged.length, before);
});

test('JOB-30 progress that says nothing new does not hold a job for ever', () => {
  const { fleet, liar } = withLiar();
  fleet.publish('c');
  fleet.settle();
  const job = fleet.state.jobs.get('job-c');
  assert.ok(job !== undefined);
  const [ids] = job.assignments.values();
  const assignment = (ids as readonly string[])[0] as string;
  const say = (share: number, commandsDone: number) =>
    fleet.post({ type: 'nodeProgress', node: liar, site, assignment, share, commandsDone });
  say(0.5, 10);
  let said = 0;
  const startedAt = fleet.now;
  while (job.phase === 'staging') {
    fleet.pass(60_000);
    say(0.5, 10);
    say(0, 0);
    fleet.post({ type: 'nodeHeld', node: liar, site, assignment });
    said += 1;
    assert.ok(said < 1_000, 'it ends');
  }
  assert.match(fleet.told.at(-1) ?? '', /n2: made no progress for 120 s \[STAGE_FAILED\]/);
  assert.ok(fleet.now - startedAt > limits.hooksMs, 'hooks have their time');
});

test('JOB-30 a node whose progress is real but has no end is given up after a day', () => {
  const { fleet, liar } = withLiar();
  fleet.publish('c');
  fleet.settle();
  const job = fleet.state.jobs.get('job-c');
  const [ids] = job?.assignments.values() ?? [];
  const assignment = (ids as readonly string[])[0] as string;
  const startedAt = fleet.now;
  let commandsDone = 0;
  while (job?.phase === 'staging') {
    fleet.pass(60_000);
    commandsDone += 1;
    fleet.post({ type: 'nodeProgress', node: liar, site, assignment, share: 0.1, commandsDone });
    assert.ok(commandsDone < 10_000, 'it ends');
  }
  assert.match(fleet.told.at(-1) ?? '', /n2: made no progress/);
  const tookMs = fleet.now - startedAt;
  assert.ok(tookMs > limits.stagingMs && tookMs < limits.stagingMs + 2 * limits.stalledMs, String(tookMs));
});
