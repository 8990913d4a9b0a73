// Nodes behind a leader, over the real agents' port: how they come there, what they hear and say, and when it ends.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import type { CcmMessage, SiteGrant } from '../../../model/messages.ts';
import type { SignedDecision } from '../../../model/receipt.ts';
import { defaultSitePolicy } from '../../../model/site.ts';
import { closeCodes } from '../../../net/link/close-codes.ts';
import { digestOfGrant, digestOfSegment } from '../../../net/relay/told.ts';
import { createManualClock } from '../../../net/testing/manual-clock.ts';
import { until } from '../../../plugins/testing/until.ts';
import { connectGreeted } from '../testing/raw-agent.ts';
import { addRawMember, connectRawLeader, openingOf, type RawLeader, segment } from '../testing/raw-leader.ts';
import { emptyWelcome, type RunningGateway, runGateway } from '../testing/running-gateway.ts';

const release = { epoch: 1, sequence: 7 };
const decision: SignedDecision = {
  version: 1,
  site: 'shop',
  release,
  kind: 'commit',
  fromTree: null,
  toTree: 'a'.repeat(40),
  decidedAt: 1,
  signature: `${'A'.repeat(86)}==`,
};
const grant: SiteGrant = {
  site: 'shop',
  contentKeys: [{ id: 'k1', key: 'secret' }],
  policy: {
    autonomous: false,
    fileMode: defaultSitePolicy.fileMode,
    executableMode: defaultSitePolicy.executableMode,
    directoryMode: defaultSitePolicy.directoryMode,
  },
  lastDecision: null,
};
const toldOfShop = { sites: { shop: digestOfGrant(grant) } };
const abort: CcmMessage = { type: 'abort', site: 'shop', release };

function happened(running: RunningGateway, node: string): string[] {
  return running.events.filter((event) => event.node === node).map(({ what }) => what);
}

test('LEAD-1: an accepted leader is given a session, none when it is accepted no more, another one after that', async (t) => {
  const running = await runGateway(t);
  const leader = await connectRawLeader(running, 'web1');
  const first = leader.session();
  assert.match(first, /^[0-9a-f]{32}$/);
  running.gateway.appoint(segment, 'web1');
  running.gateway.appoint(segment, null);
  running.gateway.appoint(segment, 'web1');
  await until('it has another', () => leader.got('leaderSession').length === 3);
  const sessions = leader.got('leaderSession');
  assert.ok(sessions.every((message) => message.segment === segment));
  assert.equal(sessions[1]?.session, null);
  assert.notEqual(sessions[2]?.session, first);
});

test('LEAD-1 LINK-40: an agent that does not know leaders is told nothing, and may not speak for others', async (t) => {
  const running = await runGateway(t);
  const old = await connectGreeted(running, await running.addNode('old'));
  running.gateway.appoint(segment, 'old');
  const member = await addRawMember(running, 'web2');
  old.say(openingOf(member, 'b'.repeat(32)));
  assert.equal((await old.closed).code, closeCodes.messageInvalid);
  assert.deepEqual(
    old.received.map(({ type }) => type),
    ['welcome', 'refused'],
  );
  assert.deepEqual(happened(running, 'web2'), []);
});

test('LEAD-2 LEAD-3 LEAD-4: a node behind a leader is connected, heard in order, and told by one copy for all of them', async (t) => {
  const running = await runGateway(t);
  const leader = await connectRawLeader(running, 'web1');
  const [a, b] = [await addRawMember(running, 'web2'), await addRawMember(running, 'web3')];
  assert.equal(await leader.open(a, { hello: { labels: { zone: 'a' } } }), 'behind');
  assert.equal(await leader.open(b), 'behind');
  const [connected] = running.events.filter(({ node }) => node === 'web2');
  assert.ok(
    connected?.what === 'connected' &&
      connected.publicKey.equals(new X509Certificate(a.identity.certificate).publicKey),
  );
  assert.deepEqual(connected.hello.labels, { zone: 'a' });
  const { since, ...behind } = running.gateway.behind('web2') ?? { since: 0 };
  assert.deepEqual(behind, { leader: 'web1', segment });
  assert.ok(since > 0 && running.gateway.isConnected('web2') && running.gateway.behind('web1') === null);

  const session = leader.session();
  const undone = (sequence: number) => ({ type: 'undone', site: 'shop', release: { epoch: 1, sequence } });
  leader.carry(a.sign(session, undone(1)), b.sign(session, undone(2)), a.sign(session, undone(3)));
  await until('all are heard', () => running.events.filter(({ what }) => what === 'message').length === 3);
  const heard = running.events.flatMap((event) =>
    event.what === 'message' && event.report.type === 'undone'
      ? [`${event.node} ${event.report.release.sequence}`]
      : [],
  );
  assert.deepEqual(heard, ['web2 1', 'web3 2', 'web2 3']);

  running.gateway.broadcast(['web1', 'web2', 'web3', 'nobody'], abort);
  running.gateway.send('web3', { type: 'decision', decision });
  await until('all are told', () => leader.got('relay').length === 2);
  assert.deepEqual(leader.got('relay'), [
    { type: 'relay', nodes: ['web2', 'web3'], message: abort },
    { type: 'relay', nodes: ['web3'], message: { type: 'decision', decision } },
  ]);
  const order = leader.received
    .map(({ type }) => type)
    .filter((type) => type === 'relay' || type === 'abort');
  assert.deepEqual(order, ['relay', 'abort', 'relay'], 'LEAD-6: for others first, then for itself');
});

test('LEAD-6: of a segment some have links of their own; each is told once', async (t) => {
  const running = await runGateway(t);
  const leader = await connectRawLeader(running, 'web1');
  await leader.open(await addRawMember(running, 'web2'));
  const direct = await connectGreeted(running, await running.addNode('web3'));
  running.gateway.broadcast(['web2', 'web3'], abort);
  await until('both are told', () => leader.got('relay').length === 1 && direct.received.length === 2);
  assert.deepEqual(leader.got('relay')[0]?.nodes, ['web2']);
  assert.equal(direct.received.at(-1)?.type, 'abort');
});

test('LEAD-2 LINK-8: a node that goes behind ends its own link, a link of its own ends being behind; the order is kept', async (t) => {
  const running = await runGateway(t);
  const leader = await connectRawLeader(running, 'web1');
  const member = await addRawMember(running, 'web2');
  const own = await connectGreeted(running, member);
  running.gateway.send('web2', abort);
  assert.equal(await leader.open(member), 'behind');
  assert.equal((await own.closed).code, closeCodes.replaced);
  running.gateway.send('web2', { type: 'decision', decision });
  await until('it is told', () => leader.got('relay').length === 1);
  const again = await connectGreeted(running, member);
  leader.carry(member.sign(leader.session(), { type: 'undone', site: 'shop', release }));
  running.gateway.send('web2', abort);
  await until('it is told', () => again.received.length === 2);
  assert.equal(running.gateway.behind('web2'), null);
  assert.deepEqual(happened(running, 'web2'), [
    'connected',
    'disconnected',
    'connected',
    'disconnected',
    'connected',
  ]);
  assert.equal(leader.got('relay').length, 1, 'nothing more by the leader');
  // That link's hello may be older than the node's being behind, and the link gone: it would hear nothing any more.
  await until('it is called', () => leader.got('relayAnswer').at(-1)?.answer === 'call');
});

test('LEAD-5: a welcome that tells nothing new is no message; a decision that the node lacks comes as one', async (t) => {
  let lastDecision: SignedDecision | null = null;
  const running = await runGateway(t, {
    onConnected: (gateway, node) =>
      gateway.send(node, {
        ...emptyWelcome,
        sites: node === 'web1' ? [] : [{ ...grant, lastDecision }],
      } as CcmMessage),
  });
  const leader = await connectRawLeader(running, 'web1');
  const member = await addRawMember(running, 'web2');
  assert.equal(await leader.open(member, { told: toldOfShop }), 'behind');
  lastDecision = decision;
  assert.equal(await leader.open(member, { told: toldOfShop }), 'behind');
  await until('it is told', () => leader.got('relay').length === 1);
  assert.deepEqual(leader.got('relay')[0]?.message, { type: 'decision', decision });
  const held = { release, tree: decision.toTree };
  const holding = {
    site: 'shop',
    live: held,
    backup: null,
    staged: null,
    lastDecision: decision,
    executed: true,
  };
  assert.equal(await leader.open(member, { told: toldOfShop, hello: { sites: [holding] } }), 'behind');
  running.gateway.send('web2', { type: 'grant', grant: { ...grant, lastDecision } });
  running.gateway.send('web2', abort);
  await until('it is told', () => leader.got('relay').length === 2);
  assert.equal(
    leader.got('relay')[1]?.message.type,
    'abort',
    'a decision that it executed is not told again',
  );
});

test('LEAD-5: a node that was told something else calls before it hears more; its own link brings it up to date', async (t) => {
  const running = await runGateway(t, {
    onConnected: (gateway, node) =>
      gateway.send(node, { ...emptyWelcome, sites: node === 'web1' ? [] : [grant] } as CcmMessage),
  });
  const leader = await connectRawLeader(running, 'web1');
  const member = await addRawMember(running, 'web2');
  assert.equal(await leader.open(member), 'call', 'it never heard of the site');
  running.gateway.send('web2', abort);
  const own = await connectGreeted(running, member);
  assert.deepEqual(own.received[0], { ...emptyWelcome, sites: [grant] });
  assert.equal(await leader.open(member, { told: toldOfShop }), 'behind');
  await own.closed;
  const segmentTold = {
    type: 'segment',
    id: segment,
    name: 'rack-5',
    role: 'allowed',
    factor: 1,
    maintenance: false,
    channel: { transport: 'multicast', group: null, port: 17_446 },
    preset: 'fast',
    timers: {},
    peers: [{ node: 'web1', address: '10.0.0.1', port: 1 }],
    others: 1,
  } as const satisfies CcmMessage;
  const changes: readonly [string, CcmMessage][] = [
    ['another key', { type: 'grant', grant: { ...grant, contentKeys: [{ id: 'k2', key: 'other' }] } }],
    ['a site taken away', { type: 'removed', site: 'shop' }],
    ['its segment', { ...segmentTold, role: 'never' }],
    ['nodes removed', { type: 'revocations', number: 4, fingerprints: ['f'.repeat(64)] }],
    ['release keys', { ...emptyWelcome, releaseKeys: ['a new one'] } as CcmMessage],
  ];
  for (const [what, message] of changes) {
    const told = { ...toldOfShop, segment: digestOfSegment(segmentTold) };
    assert.equal(await leader.open(member, { told }), 'behind', what);
    const before = leader.got('relay').length;
    // What it knows already is nothing: peers come from the leader.
    running.gateway.send('web2', { ...segmentTold, peers: [], others: 7 });
    running.gateway.send('web2', { type: 'grant', grant });
    running.gateway.send('web2', message);
    running.gateway.send('web2', abort);
    await until(`it is called: ${what}`, () => leader.answers('web2').at(-1) === 'call');
    running.gateway.send('web1', { type: 'segmentAsked', trigger: 'ccm' });
    await until('the leader heard all', () => leader.received.at(-1)?.type === 'segmentAsked');
    assert.equal(leader.got('relay').length, before, 'nothing overtakes what it must know first');
    assert.ok(running.gateway.isConnected('web2'), 'it is there until it comes over a link of its own');
  }
  const carried = leader.got('relay').map(({ message }) => message.type);
  assert.deepEqual(carried, [], 'grants, keys, removals and revocations are never carried');
});

test('LEAD-5: a node that was called and does not come is away', async (t) => {
  const clock = createManualClock();
  const running = await runGateway(t, { clock });
  const leader = await connectRawLeader(running, 'web1');
  await leader.open(await addRawMember(running, 'web2'));
  running.gateway.send('web2', { type: 'removed', site: 'shop' });
  await until('it is called', () => leader.answers('web2').at(-1) === 'call');
  leader.say({ type: 'relayClosed', node: 'web2', because: 'left' });
  leader.say({ type: 'undone', site: 'shop', release });
  await until('the leader is heard', () => happened(running, 'web1').includes('message'));
  clock.advance(9_999);
  assert.ok(running.gateway.isConnected('web2'));
  clock.advance(1);
  assert.equal(running.gateway.isConnected('web2'), false);
  assert.deepEqual(happened(running, 'web2'), ['connected', 'disconnected']);
});

test('LEAD-1: with a leader’s link, acceptance or session end the places behind it: for eight seconds its nodes may come another way', async (t) => {
  const clock = createManualClock();
  const running = await runGateway(t, { clock, pingIntervalMs: 1_000_000 });
  const ends: readonly [string, (leader: RawLeader) => void][] = [
    ['link', (leader) => leader.socket.terminate()],
    ['acceptance', () => running.gateway.appoint(segment, null)],
    ['successor', () => running.gateway.appoint(segment, 'web9')],
  ];
  const successor = await connectRawLeader(running, 'web9', 'e'.repeat(32));
  for (const [what, end] of ends) {
    const name = `leader-${what}`;
    const leader = await connectRawLeader(running, name);
    const [lost, member] = [await addRawMember(running, 'web2'), await addRawMember(running, 'web3')];
    for (const one of [lost, member]) await leader.open(one);
    end(leader);
    await until('its session has ended', () =>
      what === 'link'
        ? happened(running, name).includes('disconnected')
        : leader.got('leaderSession').at(-1)?.session === null,
    );
    running.gateway.broadcast([name, 'web2', 'web3'], abort);
    assert.ok(running.gateway.isConnected('web2') && running.gateway.isConnected('web3'), what);
    if (what !== 'link') {
      leader.carry(member.sign('f'.repeat(32), { type: 'undone', site: 'shop', release }));
      leader.say({ type: 'undone', site: 'shop', release });
      await until('what was on its way is passed over', () => happened(running, name).includes('message'));
    }
    clock.advance(7_999);
    const own = await connectGreeted(running, member);
    clock.advance(1);
    assert.equal(running.gateway.isConnected('web2'), false, what);
    assert.ok(running.gateway.isConnected('web3'), 'that came in time');
    assert.deepEqual(happened(running, 'web3').slice(-3), ['connected', 'disconnected', 'connected'], what);
    assert.equal(happened(running, 'web2').at(-1), 'disconnected');
    assert.deepEqual(leader.got('relay'), [], 'it is told nothing for them');
    own.socket.terminate();
    await until('it is away', () => !running.gateway.isConnected('web3'));
  }
  assert.equal(successor.got('leaderSession').at(-1)?.segment, segment);
  assert.equal(successor.got('leaderSession').at(-2)?.session, null, 'it leads one segment at a time');
});

test('LEAD-1: a leader that connects anew speaks in a new session; the node it carries is where it opened last', async (t) => {
  const running = await runGateway(t);
  const first = await connectRawLeader(running, 'web1');
  const member = await addRawMember(running, 'web2');
  await first.open(member);
  const second = await connectRawLeader(running, 'web1');
  running.gateway.send('web2', abort);
  assert.equal(await second.open(member), 'behind');
  await first.closed;
  assert.notEqual(second.session(), first.session());
  assert.deepEqual(
    second.got('relay'),
    [],
    'what is meant for it before it is there is not told to the new link',
  );
  assert.deepEqual(happened(running, 'web2'), ['connected', 'disconnected', 'connected']);
  second.say({ type: 'relayClosed', node: 'web2', because: 'missing' });
  await until('it is away', () => !running.gateway.isConnected('web2'));
  assert.equal(await second.open(member), 'behind');
  const elsewhere = await connectRawLeader(running, 'web9', 'b'.repeat(32));
  running.segments.set('web2', 'b'.repeat(32));
  assert.equal(await elsewhere.open(member), 'behind');
  second.say({ type: 'relayClosed', node: 'web2', because: 'left' });
  second.carry(member.sign(second.session(), { type: 'undone', site: 'shop', release }));
  running.gateway.send('web1', abort);
  await until('it was heard', () => second.received.at(-1)?.type === 'abort');
  assert.equal(running.gateway.behind('web2')?.leader, 'web9');
  assert.equal(happened(running, 'web2').filter((what) => what === 'message').length, 0);
});
