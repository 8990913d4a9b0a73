// What the log says of jobs and nodes for whoever acts on it (plugins): one start an attempt, one end, and nodes that caught up later.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSimulatedFleet } from './testing/simulated-fleet.ts';

function fleetOf(nodes: number) {
  const fleet = createSimulatedFleet({ nodes, pick: () => 0 });
  for (const node of fleet.nodes) fleet.connect(node);
  fleet.settle();
  const eventsOf = (job: string) =>
    fleet.logged.filter((event) => event.job === job).map(({ kind, data }) => ({ kind, data }));
  return Object.assign(fleet, { eventsOf });
}

const release = (sequence: number) => ({ epoch: 1, sequence });

test('a publish starts, is decided, and ends with all that was told of it', () => {
  const fleet = fleetOf(3);
  fleet.publish('a');
  fleet.settle();
  const away = fleet.nodes[2];
  assert.ok(away);
  fleet.disconnect(away);
  fleet.publish('b');
  fleet.settle();
  const [requested, started, decided, ended, ...rest] = fleet.eventsOf('job-b');
  assert.equal(requested?.kind, 'job.publish.requested');
  assert.deepEqual(started, {
    kind: 'job.started',
    data: { type: 'publish', commit: 'commit-b', tree: 'b', requestedBy: 'author', attempt: 1 },
  });
  assert.equal(decided?.kind, 'decision.commit');
  assert.deepEqual(ended, {
    kind: 'job.succeeded',
    data: {
      text: 'staged 2/3  live 2/3  0 ms\nn3: not connected or in maintenance; stale, and synchronized when it returns',
      type: 'publish',
      release: release(2),
      tree: 'b',
      baseTree: 'a',
      commit: 'commit-b',
      requestedBy: 'author',
      durationMs: 0,
      live: 2,
      total: 3,
      stale: ['n3'],
      failed: [],
    },
  });
  assert.deepEqual(rest, []);
  const before = fleet.logged.length;
  fleet.connect(away);
  fleet.settle();
  assert.deepEqual(
    fleet.logged.slice(before).filter(({ kind }) => kind === 'node.synchronized'),
    [
      {
        do: 'log',
        actor: 'n3',
        kind: 'node.synchronized',
        site: 'sample',
        node: 'n3',
        job: null,
        data: { fromTree: 'a', toTree: 'b', release: release(2) },
      },
    ],
  );
});

test('a publish that fails names who failed; one that is aborted or superseded ends once', () => {
  const fleet = fleetOf(2);
  const [first] = fleet.nodes;
  assert.ok(first);
  first.failsWith = 'SPACE_INSUFFICIENT';
  fleet.publish('a');
  fleet.settle();
  const failed = fleet.eventsOf('job-a').at(-1);
  assert.equal(failed?.kind, 'job.failed');
  assert.deepEqual(
    [failed?.data?.['failed'], failed?.data?.['live'], failed?.data?.['total']],
    [['n1'], 0, 2],
  );
  first.failsWith = null;
  fleet.publish('b');
  fleet.publish('c');
  fleet.publish('d');
  fleet.post({ type: 'abortRequested', job: 'job-b', requestedBy: 'operator' });
  fleet.settle();
  const ends = (job: string) =>
    fleet
      .eventsOf(job)
      .map(({ kind }) => kind)
      .filter((kind) => /^job\.(succeeded|failed|aborted|superseded)$/.test(kind));
  assert.deepEqual(['job-b', 'job-c', 'job-d'].map(ends), [
    ['job.aborted'],
    ['job.superseded'],
    ['job.succeeded'],
  ]);
});

test('each attempt of a publish that lost nodes starts anew; an unchanged one never starts', () => {
  const fleet = fleetOf(2);
  const [first] = fleet.nodes;
  assert.ok(first);
  fleet.publish('a');
  fleet.step();
  fleet.disconnect(first);
  while (fleet.decisions.length === 0) {
    fleet.settle();
    if (fleet.decisions.length === 0) assert.ok(fleet.fireTimer());
  }
  fleet.settle();
  const attempts = fleet.eventsOf('job-a').filter(({ kind }) => kind === 'job.started');
  assert.deepEqual(
    attempts.map(({ data }) => data?.['attempt']),
    [1, 2],
  );
  fleet.publish('a', 'again');
  assert.deepEqual(
    fleet.eventsOf('again').map(({ kind }) => kind),
    ['job.publish.requested', 'job.succeeded'],
  );
});

test('a switch that was made but not heard of is announced by the node’s hello', () => {
  const fleet = fleetOf(2);
  const [first] = fleet.nodes;
  assert.ok(first);
  fleet.publish('a');
  fleet.settle();
  fleet.publish('b');
  while (fleet.decisions.length < 2) fleet.step();
  first.isSilent = true;
  fleet.settle();
  fleet.fireTimer();
  first.isSilent = false;
  fleet.disconnect(first);
  fleet.connect(first);
  fleet.settle();
  const announced = fleet.logged.filter(({ kind }) => kind === 'node.synchronized');
  assert.deepEqual(
    announced.map(({ data }) => data),
    [{ fromTree: 'a', toTree: 'b', release: release(2) }],
  );
});
