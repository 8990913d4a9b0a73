// The tree over real links: delivery, the agents' port, leaders whose words are the test's.

import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { test } from 'node:test';
import { pino } from 'pino';
import { isTreeMessage, treeProfile } from '../../model/tree-messages.ts';
import { steadyClock } from '../../net/clock.ts';
import { type TestScope, temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { verifyTicket } from '../../net/tickets/ticket.ts';
import { verifyHandOut } from '../../net/tree/hand-out.ts';
import { until } from '../../plugins/testing/until.ts';
import { createAssignmentStore } from '../distribution/assignment-store.ts';
import { createDelivery } from '../distribution/delivery.ts';
import { addRawMember, connectRawLeader, type RawLeader } from '../gateway/testing/raw-leader.ts';
import { type RunningGateway, runGateway } from '../gateway/testing/running-gateway.ts';
import { temporaryRegistry } from '../registry/testing/temporary-registry.ts';
import { createLeaderFacts } from './leader-facts.ts';
import { createLeaderMeasures } from './leader-measures.ts';
import { createLeaderPlaces } from './leader-places.ts';
import { blocks, ccm, release, reportOf, work } from './testing/tree-fixture.ts';
import { createTrees, type Trees } from './trees.ts';

interface Fleet {
  readonly running: RunningGateway;
  readonly trees: Trees;
  deliver(nodes: readonly string[]): void;
}

async function fleet(t: TestScope): Promise<Fleet> {
  // Before the database is closed, which is the next to be registered.
  t.after(() => trees.close());
  const { registry, database } = await temporaryRegistry();
  const store = createAssignmentStore(temporaryDirectory(t), database);
  const { id, manifestBytes, dataBytes } = work;
  store.record(
    {
      ...{
        id,
        site: work.site,
        release,
        part: { index: 1, of: 1 },
        type: 'publish',
        createdAt: 1,
        key: null,
      },
      ...{ baseTree: 'd'.repeat(40), targetTree: 'e'.repeat(40), data: { bytes: dataBytes } },
    } as never,
    manifestBytes,
    null,
  );
  const running = await runGateway(t, {
    pingIntervalMs: 20,
    onLed: (segment, leader) => trees.led(segment, leader),
    onMessage(node, report) {
      if (isTreeMessage(report)) trees.said(node, report);
    },
  });
  const { gateway } = running;
  const health = { waitsFor: undefined };
  const clock = steadyClock;
  const report = (node: string) => reportOf(node, '127.0.0.1');
  const places = createLeaderPlaces(clock, report);
  const onError = (error: unknown): never => {
    throw error;
  };
  const measures = createLeaderMeasures({ database, health, clock, random: () => 0.5, onError });
  const trees: Trees = createTrees({
    ...{ ccm, isOn: true, gateway, clock, health, append: () => undefined },
    facts: createLeaderFacts({ registry, places, measures, reportOf: report, clock }),
    wasLed: () => false,
    segmentOf: () => null,
    releaseKey: () => running.releaseKey,
    ccmBytesPerSecond: () => null,
    logger: pino({ level: 'silent' }),
  });
  const delivery = createDelivery({
    ...{ store, gateway, trees },
    releaseKey: () => running.releaseKey,
    agentUrl: () => running.url,
    now: steadyClock.now,
    onMissing: (_, error) => onError(error),
  });
  return {
    running,
    trees,
    deliver: (nodes) => delivery.deliver({ site: work.site, nodes, release, assignments: [id] }),
  };
}

const segmentOf = (index: number): string => String(index).padStart(32, '0');
const assignment = work.id;
const state = (more: object) => ({
  ...{ type: 'treeState', ccm, assignment, state: 'fetching', number: 0, blocks, heldBlocks: 1 },
  ...{ figures: [], error: null },
  ...more,
});
const next = { type: 'treeNext', ccm, assignment, heldBlocks: 1, room: 1, unreached: [] };

test('TREE-91 TREE-90 LEAD-6: over a leader’s link first what to expect, then the hand-out, then the work for its members and for itself', async (t) => {
  const { running, deliver } = await fleet(t);
  const leader = await connectRawLeader(running, 'l1', segmentOf(1), [treeProfile]);
  const old = await connectRawLeader(running, 'old', segmentOf(2));
  assert.equal(await leader.open(await addRawMember(running, 'm1', segmentOf(1))), 'behind');
  const from = leader.received.length;
  deliver(['m1', 'l1', 'old']);
  await until('all is there', () => old.got('assignment').length + leader.got('assignment').length === 2);
  assert.deepEqual(
    leader.received.slice(from).map(({ type }) => type),
    ['treeExpect', 'handOut', 'relay', 'assignment'],
  );
  assert.deepEqual([old.got('treeExpect'), old.got('handOut')], [[], []], 'LINK-40');
  const [message] = leader.got('handOut');
  const keys = [createPublicKey(running.releaseKey)];
  const handOut = verifyHandOut(message?.handOut, { keys, node: 'l1', now: Date.now() });
  const ticket = verifyTicket(handOut.ticket, { keys, assignment, fetcher: 'l1', now: Date.now() });
  assert.deepEqual([handOut.segment, ticket.ccm], [segmentOf(1), ccm]);
  const [relayed] = leader.got('relay');
  assert.ok(relayed?.message.type === 'assignment' && relayed.message.source.kind === 'url');
  const members = verifyTicket(relayed.message.source.ticket, {
    ...{ keys, assignment, fetcher: 'm1', segment: segmentOf(1), now: Date.now() },
  });
  assert.equal(members.ccm, undefined, 'older members carry it');
});

test('R6.2 TREE-93: leaders hand it on from one to the next until everybody holds it; a link that is lost meanwhile goes on', async (t) => {
  const { running, trees, deliver } = await fleet(t);
  const names = ['l1', 'l2', 'l3', 'l4'];
  const leaders = new Map<string, RawLeader>();
  for (const [index, name] of names.entries())
    leaders.set(name, await connectRawLeader(running, name, segmentOf(index), [treeProfile]));
  const of = (name: string): RawLeader => leaders.get(name) as RawLeader;
  deliver(names);
  /** By whom it was brought. */
  const brought = new Map<string, string>();
  await until('the first is handed out to', () => names.some((name) => of(name).got('handOut').length > 0));
  for (const name of names) if (of(name).got('handOut').length > 0) brought.set(name, 'ccm');
  // Whoever holds it asks, and those it is given hold it at once.
  for (const name of brought.keys()) {
    of(name).say(next);
    await until('it is answered', () => of(name).got('treeNextAnswer').length > 0);
    for (const each of of(name).got('treeNextAnswer')[0]?.next ?? []) brought.set(each.node, name);
    for (const other of names)
      if (of(other).got('handOut').length > 0 && !brought.has(other)) brought.set(other, 'ccm');
  }
  assert.deepEqual([...brought.keys()].toSorted(), names);
  assert.ok([...brought.values()].filter((by) => by !== 'ccm').length >= 1);
  const [run] = trees.ofRelease(work.site, release);
  const shown = (name: string) => run?.shown().find(({ node }) => node === name);
  of('l2').socket.terminate();
  await until('it is away', () => shown('l2')?.isHere === false);
  for (const name of names) if (name !== 'l2') of(name).say(state({ state: 'held', heldBlocks: blocks }));
  await until('those that are there have it', () => run?.completedAt != null);
  const again = await connectRawLeader(running, 'l2', segmentOf(1), [treeProfile]);
  await until('it is told again', () => again.got('treeExpect').length === 1);
  again.say(state({ state: 'held', heldBlocks: blocks }));
  await until('it has it', () => shown('l2')?.state === 'held');
  assert.equal(shown('l2')?.isHere, true);
});

test('TREE-98 LINK-6: the delay between CCM and leader is what its answers to pings take', async (t) => {
  const { running } = await fleet(t);
  await connectRawLeader(running, 'l1', segmentOf(1), [treeProfile]);
  await until('it is known', () => (running.gateway.leading('l1')?.delayMs ?? 0) > 0);
  assert.equal(running.gateway.leading('l2'), null);
});

test('TREE-93 LINK-4: what breaks the shape closes the link, what only counts for nothing does not', async (t) => {
  const { running, trees, deliver } = await fleet(t);
  const leader = await connectRawLeader(running, 'l1', segmentOf(1), [treeProfile]);
  const stranger = await connectRawLeader(running, 'l2', segmentOf(2), [treeProfile]);
  deliver(['l1']);
  stranger.say(state({ state: 'held', heldBlocks: blocks }));
  stranger.say(next);
  stranger.say({ ...next, assignment: 'f'.repeat(64) });
  leader.say(state({ number: Number.MAX_SAFE_INTEGER, state: 'held', heldBlocks: 3 }));
  leader.say(state({ figures: [{ node: 'nobody', bytes: 1, ms: 1, delayMs: null }] }));
  leader.say({ ...next, room: 65 });
  assert.equal((await leader.closed).code, 4400);
  await until(
    'all is heard',
    () => running.events.filter(({ node, what }) => node === 'l2' && what === 'message').length === 3,
  );
  const [run] = trees.ofRelease(work.site, release);
  assert.deepEqual(
    run?.shown().map(({ node, state: now }) => [node, now === 'held']),
    [['l1', false]],
  );
  assert.equal(stranger.socket.readyState, stranger.socket.OPEN);
});
