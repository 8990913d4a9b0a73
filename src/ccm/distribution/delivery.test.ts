// What leaves the CCM, in which order and with whose ticket, where some nodes are behind leaders.

import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { assignmentPaths } from '../../delta/store-assignment.ts';
import type { AssignmentHeader } from '../../model/assignment.ts';
import type { CcmMessage } from '../../model/messages.ts';
import { treeProfile } from '../../model/tree-messages.ts';
import { createManualClock } from '../../net/testing/manual-clock.ts';
import { type TestScope, temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { segmentFetcher, verifyTicket } from '../../net/tickets/ticket.ts';
import { generatePrivateKey } from '../../net/tls/key-pair.ts';
import { until } from '../../plugins/testing/until.ts';
import { openDatabase } from '../db/open-database.ts';
import { createComingLeaders } from '../tree/coming-leaders.ts';
import { createAssignmentStore } from './assignment-store.ts';
import { createDelivery } from './delivery.ts';

const id = 'a'.repeat(64);
const release = { epoch: 1, sequence: 1 };
const segments: Readonly<Record<string, string>> = {
  b1: 'b'.repeat(32),
  b2: 'b'.repeat(32),
  c1: 'c'.repeat(32),
};
const abort: CcmMessage = { type: 'abort', site: 'shop', release };
const header = {
  id,
  site: 'shop',
  release,
  part: { index: 1, of: 1 },
  type: 'publish',
  baseTree: 'd'.repeat(40),
  targetTree: 'e'.repeat(40),
  data: { bytes: 100_000 },
  createdAt: 1,
  key: null,
} as unknown as AssignmentHeader;

async function delivering(t: TestScope, isKept: boolean) {
  const directory = temporaryDirectory(t);
  const database = await openDatabase(':memory:');
  t.after(() => database.close());
  const { manifestPath, dataPath } = assignmentPaths(directory, id);
  await writeFile(manifestPath, 'manifest');
  await writeFile(dataPath, Buffer.alloc(100_000));
  const store = createAssignmentStore(directory, database);
  store.record(header, 8, null);
  const behind = new Map(Object.entries(segments));
  const sent: (readonly [nodes: readonly string[], message: CcmMessage])[] = [];
  const missing: unknown[] = [];
  const asked: string[] = [];
  const clock = createManualClock();
  const coming = createComingLeaders({
    clock,
    leaderlessSegmentOf: (node) => (node === 'own' ? 'b'.repeat(32) : undefined),
  });
  let isTooMuch = false;
  const key = generatePrivateKey();
  const delivery = createDelivery({
    // One that was just started has nothing in memory.
    store: isKept ? store : createAssignmentStore(directory, database),
    gateway: {
      broadcast: (nodes, message) => sent.push([nodes, message]),
      behind(node) {
        const segment = behind.get(node);
        return segment === undefined ? null : { leader: 'l', segment, since: 0 };
      },
    },
    trees: {
      expect: ({ id: assignment }, nodes) =>
        asked.push(`expect ${assignment.slice(0, 1)} ${nodes.join(' ')} after ${sent.length}`),
      leave: (site, of, nodes) =>
        asked.push(`leave ${site} ${of?.sequence ?? 'all'} ${nodes.join(' ')} after ${sent.length}`),
      supersede: (site, of, nodes) =>
        asked.push(`supersede ${site} ${of.sequence} ${nodes.join(' ')} after ${sent.length}`),
      isTooMuchAtOnce: () => isTooMuch,
      coming,
    },
    releaseKey: () => key,
    agentUrl: () => 'https://ccm',
    now: () => 1_000,
    onMissing: (_, error) => missing.push(error),
  });
  const tooMuch = (): void => {
    isTooMuch = true;
  };
  return { delivery, coming, clock, store, sent, behind, missing, key, asked, tooMuch };
}

const request = { site: 'shop', nodes: ['own', 'b1', 'c1', 'b2'], release, assignments: [id] };

test('LEAD-6: one message and one ticket for all of a segment, before those that nodes have of their own', async (t) => {
  const { delivery, sent, key } = await delivering(t, true);
  delivery.deliver(request);
  assert.deepEqual(
    sent.map(([nodes]) => nodes),
    [['b1', 'b2'], ['c1'], ['own']],
  );
  for (const [nodes, message] of sent) {
    assert.ok(message.type === 'assignment' && message.source.kind === 'url');
    const segment = segments[nodes[0] as string];
    const fetcher = segment === undefined ? 'own' : segmentFetcher(segment);
    const ticket = verifyTicket(message.source.ticket, {
      keys: [createPublicKey(key)],
      assignment: id,
      fetcher: 'own',
      now: 2_000,
      ...(segment === undefined ? {} : { segment }),
    });
    assert.equal(ticket.fetcher, fetcher);
  }
});

test('LEAD-4 JOB-13: nothing overtakes an assignment whose files are read first, whichever way its nodes are reached by then', async (t) => {
  const { delivery, sent, behind, missing } = await delivering(t, false);
  delivery.deliver(request);
  delivery.send(['own', 'b1'], abort);
  assert.equal(sent.length, 0);
  behind.delete('b1');
  behind.set('own', 'c'.repeat(32));
  await until('all is sent', () => sent.length === 4);
  assert.deepEqual(
    sent.map(([nodes, { type }]) => `${type} ${nodes.join(' ')}`),
    ['assignment own c1', 'assignment b2', 'assignment b1', 'abort own b1'],
  );
  assert.deepEqual(missing, []);
});

test('TREE-91 TREE-94: the tree is asked before the assignment is told, and hears before the abort is sent', async (t) => {
  const { delivery, asked } = await delivering(t, true);
  delivery.deliver(request);
  delivery.send(['own', 'b1'], abort);
  delivery.send(['c1'], { type: 'removed', site: 'shop' });
  assert.deepEqual(asked, [
    'expect a own b1 c1 b2 after 0',
    'leave shop 1 own b1 after 3',
    'leave shop all c1 after 4',
  ]);
});

test('TREE-91: what rides in messages goes by the tree where it is too much for them', async (t) => {
  const { delivery, store, sent, asked, tooMuch } = await delivering(t, true);
  const small = { ...header, id: 'f'.repeat(64), data: { bytes: 4 } } as AssignmentHeader;
  store.record(small, 4, { manifest: Buffer.from('m'), data: Buffer.from('d') });
  delivery.deliver({ ...request, assignments: [small.id] });
  const superseded = 'supersede shop 1 own b1 c1 b2 after 0';
  assert.deepEqual([sent.length, asked], [1, [superseded]], 'older ones on their way end (TREE-94)');
  tooMuch();
  delivery.deliver({ ...request, assignments: [small.id] });
  const last = sent.at(-1)?.[1];
  assert.ok(last?.type === 'assignment' && last.source.kind === 'url');
  assert.deepEqual(asked, [superseded, 'expect f own b1 c1 b2 after 1']);
});

const kinds = (sent: readonly (readonly [nodes: readonly string[], message: CcmMessage])[]): string[] =>
  sent.map(([nodes, { type }]) => `${type} ${nodes.join(' ')}`);

test('TREE-91 LINK-5: what a node that is about to lead is to fetch waits for that, and all that comes behind it waits too', async (t) => {
  for (const isKept of [true, false]) {
    const { delivery, coming, sent, asked, clock } = await delivering(t, isKept);
    coming.connected('own', [treeProfile]);
    delivery.deliver(request);
    delivery.send(['own', 'c1'], abort);
    await until('the others are told', () => sent.length === 3);
    assert.deepEqual(kinds(sent), ['assignment b1 b2', 'assignment c1', 'abort c1']);
    coming.led('e'.repeat(32), 'other');
    assert.equal(sent.length, 3);
    coming.led('b'.repeat(32), 'own');
    await until('it is told', () => sent.length === 5);
    assert.deepEqual(kinds(sent).slice(3), ['assignment own', 'abort own']);
    assert.deepEqual(
      asked.map((line) => line.replace(/ after .*/, '')),
      ['expect a b1 c1 b2', 'leave shop 1 c1', 'expect a own', 'leave shop 1 own'],
    );
    assert.deepEqual(clock.waiting(), []);
  }
});

test('TREE-91: nobody waits longer than three seconds, for what rides in messages, or for a connection that is gone', async (t) => {
  const { delivery, coming, store, sent, clock } = await delivering(t, true);
  const small = { ...header, id: 'f'.repeat(64), data: { bytes: 4 } } as AssignmentHeader;
  store.record(small, 4, { manifest: Buffer.from('m'), data: Buffer.from('d') });
  const own = { ...request, nodes: ['own'] };
  coming.connected('own', []);
  delivery.deliver(own);
  assert.equal(sent.length, 1, 'an agent that knows nothing of the tree');
  coming.connected('own', [treeProfile]);
  delivery.deliver({ ...own, assignments: [small.id] });
  assert.equal(sent.length, 2);
  delivery.deliver(own);
  delivery.deliver({ ...own, assignments: [small.id] });
  assert.equal(sent.length, 2, 'behind what waits');
  clock.advance(3_000);
  assert.equal(sent.length, 4);
  coming.connected('own', [treeProfile]);
  delivery.deliver(own);
  coming.disconnected('own');
  clock.advance(10_000);
  assert.equal(sent.length, 4);
  delivery.deliver(own);
  assert.equal(sent.length, 5);
});
