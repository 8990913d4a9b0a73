// Members of a leader over real TLS: what they say goes up and what comes down reaches them; whoever breaks the rules is closed, and nobody else.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { test } from 'node:test';
import { closeCodes } from '../../net/link/close-codes.ts';
import { isGenuineFrame } from '../../net/relay/signed-frame.ts';
import { createManualClock } from '../../net/testing/manual-clock.ts';
import { until } from '../../plugins/testing/until.ts';
import { bundleDelayMs } from './frame-carrier.ts';
import { kitSession, runKitCcm } from './testing/kit-ccm.ts';
import {
  connectMember,
  joinMember,
  type KitLeader,
  type KitMember,
  lead,
  startLeader,
} from './testing/leader-kit.ts';

const release = { epoch: 1, sequence: 7 };
const abort = { type: 'abort', site: 'shop', release } as const;
const inline = (manifest = '', sequence = 7) =>
  ({
    type: 'assignment',
    site: 'shop',
    id: 'a'.repeat(64),
    release: { epoch: 1, sequence },
    source: { kind: 'inline', manifest, data: '' },
  }) as const;

const framesOf = (leader: KitLeader) => leader.saidOf('relayed').flatMap(({ frames }) => frames);
const roundOf = (member: KitMember) => member.receivedOf('work').at(-1)?.round;

test('LEAD-24 LEAD-26: a member opens, its words go up in their order, what the CCM says reaches it and nobody else', async (t) => {
  const ccm = await runKitCcm(t);
  const leader = await startLeader(t, ccm, 'web-1');
  const early = await connectMember(t, ccm, leader, 'web-2');
  await until('it hears that there is no session', () => early.receivedOf('session').length === 1);
  assert.equal(early.receivedOf('session')[0]?.session, null);
  lead(leader);
  await until('it hears the session', () => early.receivedOf('session').length === 2);
  assert.equal(early.receivedOf('session')[1]?.session, kitSession);
  early.say({ type: 'open', frame: early.frame('hello') });
  await until('its opening goes up', () => leader.saidOf('relayOpen').length === 1);
  const [opening] = leader.saidOf('relayOpen');
  assert.ok(opening !== undefined);
  assert.deepEqual(leader.leader.status().members, [{ node: 'web-2', state: 'opening' }]);
  leader.leader.receive({ type: 'relayAnswer', node: 'web-2', answer: 'behind', error: null });
  const other = await joinMember(t, ccm, leader, 'web-3');
  assert.deepEqual(
    leader.leader.status().members.map(({ state }) => state),
    ['behind', 'behind'],
  );
  for (const text of ['one', 'two', 'three']) early.say({ type: 'say', frame: early.frame(text) });
  await until('they went up', () => framesOf(leader).length === 3);
  assert.deepEqual(
    framesOf(leader).map(({ node, text, counter }) => [node, text, counter]),
    [
      ['web-2', 'one', 1],
      ['web-2', 'two', 2],
      ['web-2', 'three', 3],
    ],
  );
  const { publicKey } = new X509Certificate(Buffer.from(opening.certificate, 'base64'));
  let above = -1;
  for (const frame of [opening.frame, ...framesOf(leader)]) {
    assert.ok(isGenuineFrame(frame, { session: kitSession, node: 'web-2', above, key: publicKey }));
    above = frame.counter;
  }
  leader.leader.receive({ type: 'relay', nodes: ['web-2'], message: abort });
  await until('it is told', () => early.receivedOf('work').length === 1);
  assert.deepEqual(early.receivedOf('work')[0], { type: 'work', message: abort, round: null });
  assert.equal(other.receivedOf('work').length, 0);

  // Told to call, it says nothing that counts until it has opened again.
  leader.leader.receive({ type: 'relayAnswer', node: 'web-2', answer: 'call', error: null });
  await until('it is told to call', () => early.receivedOf('answer').at(-1)?.answer === 'call');
  early.say({ type: 'say', frame: early.frame('unheard') });
  early.say({ type: 'open', frame: early.frame('again') });
  await until('it opened again', () => leader.saidOf('relayOpen').length === 3);
  assert.ok(framesOf(leader).every(({ text }) => text !== 'unheard'));

  // A cut of the leader's own link ends all of it; nothing of the old session goes up any more.
  leader.leader.linkDown();
  await until('both hear that', () =>
    [early, other].every((one) => one.receivedOf('session').at(-1)?.session === null),
  );
  assert.ok(leader.leader.status().members.every(({ state }) => state === 'connected'));
  const before = leader.said.length;
  early.say({ type: 'say', frame: early.frame('late') });
  early.say({ type: 'open', frame: early.frame('too early') });
  await until('it hears again that there is none', () => early.receivedOf('session').length === 4);
  assert.equal(leader.said.length, before);
});

test('LEAD-24: the newest connection of a node is the one that counts; only the end of that one is told', async (t) => {
  const ccm = await runKitCcm(t);
  const leader = await startLeader(t, ccm, 'web-1');
  lead(leader);
  const first = await joinMember(t, ccm, leader, 'web-2');
  const second = await joinMember(t, ccm, leader, 'web-2', first.credentials);
  assert.equal((await first.closed).code, closeCodes.replaced);
  assert.deepEqual(leader.saidOf('relayClosed'), []);
  second.socket.terminate();
  await until('its end is told', () => leader.saidOf('relayClosed').length === 1);
  assert.deepEqual(leader.saidOf('relayClosed'), [{ type: 'relayClosed', node: 'web-2', because: 'link' }]);
  assert.deepEqual(leader.leader.status().members, []);
});

test('LEAD-25: who speaks in another’s name, says the same twice, floods or says what is no message is closed with a code; others are not', async (t) => {
  const ccm = await runKitCcm(t);
  const leader = await startLeader(t, ccm, 'web-1', { clock: createManualClock() });
  lead(leader);
  const honest = await joinMember(t, ccm, leader, 'web-9');
  const hostile: readonly [string, number, (member: KitMember) => void][] = [
    [
      'another’s name',
      closeCodes.messageInvalid,
      (m) => m.say({ type: 'say', frame: m.frame('x', { node: 'web-9' }) }),
    ],
    [
      'an opening for another',
      closeCodes.messageInvalid,
      (m) => m.say({ type: 'open', frame: m.frame('x', { node: 'web-9' }) }),
    ],
    [
      'the same twice',
      closeCodes.messageInvalid,
      (m) => m.say({ type: 'say', frame: m.frame('x', { counter: 0 }) }),
    ],
    ['no message', closeCodes.messageInvalid, (m) => m.say({ type: 'leaderSession', session: null })],
    ['no JSON', closeCodes.messageInvalid, (m) => m.socket.send('{')],
    ['binary', closeCodes.messageInvalid, (m) => m.socket.send(Buffer.from('{}'), { binary: true })],
    ['too long', closeCodes.tooLarge, (m) => m.say({ type: 'say', frame: m.frame('x'.repeat(1_100_000)) })],
    [
      'a flood',
      closeCodes.flood,
      (m) => {
        for (let n = 0; n < 11_000; n++) m.say({ type: 'working', round: 'none' });
      },
    ],
  ];
  for (const [what, code, attack] of hostile) {
    const member = await joinMember(t, ccm, leader, 'web-2');
    attack(member);
    assert.equal((await member.closed).code, code, what);
    await until('the CCM is told', () => leader.saidOf('relayClosed').length > 0);
    assert.deepEqual(
      leader.saidOf('relayClosed'),
      [{ type: 'relayClosed', node: 'web-2', because: 'link' }],
      what,
    );
    leader.said.length = 0;
  }
  assert.deepEqual(leader.leader.status().members, [{ node: 'web-9', state: 'behind' }]);
  assert.equal(honest.socket.readyState, honest.socket.OPEN);
});

test('LEAD-25: a member that does not read is cut off before what it should read piles up', async (t) => {
  const ccm = await runKitCcm(t);
  const leader = await startLeader(t, ccm, 'web-1');
  lead(leader);
  const deaf = await joinMember(t, ccm, leader, 'web-2');
  const other = await joinMember(t, ccm, leader, 'web-3');
  deaf.socket.pause();
  const large = inline('A'.repeat(80_000));
  for (let sent = 0; leader.saidOf('relayClosed').length === 0; sent++) {
    assert.ok(sent < 2_000, 'it is never cut off');
    leader.leader.receive({ type: 'relay', nodes: ['web-2', 'web-3'], message: large });
    await until('the other one gets it', () => other.receivedOf('work').length > sent);
  }
  assert.deepEqual(leader.saidOf('relayClosed'), [{ type: 'relayClosed', node: 'web-2', because: 'link' }]);
  assert.ok(leader.leader.status().members.every(({ node }) => node === 'web-3'));
});

test('LEAD-24: who answers no pings is cut off after three, and who answers is not', async (t) => {
  const ccm = await runKitCcm(t);
  const clock = createManualClock();
  const leader = await startLeader(t, ccm, 'web-1', { clock });
  lead(leader);
  const silent = await joinMember(t, ccm, leader, 'web-2');
  const alive = await joinMember(t, ccm, leader, 'web-3');
  silent.socket.pong = () => undefined;
  for (let tick = 0; tick < 5; tick++) {
    const pinged = once(alive.socket, 'ping');
    clock.advance(1_000);
    await pinged;
    // Its answer has arrived when that of a later question has.
    alive.say({ type: 'say', frame: alive.frame(`tick ${tick}`) });
    await until('it is heard', () => {
      clock.advance(1);
      return framesOf(leader).some(({ text }) => text === `tick ${tick}`);
    });
  }
  await silent.closed;
  await until('the CCM is told', () => leader.saidOf('relayClosed').length === 1);
  assert.deepEqual(leader.saidOf('relayClosed'), [{ type: 'relayClosed', node: 'web-2', because: 'link' }]);
  assert.equal(alive.socket.readyState, alive.socket.OPEN);
});

test('LEAD-29 RPT-3: when the last member has reported, all of it goes up at once, and then the round’s end; who is not connected is missing', async (t) => {
  const ccm = await runKitCcm(t);
  // Nothing goes up because time passes.
  const leader = await startLeader(t, ccm, 'web-1', { clock: createManualClock() });
  lead(leader);
  const members: KitMember[] = [];
  for (let n = 0; n < 64; n++) members.push(await joinMember(t, ccm, leader, `m-${n}`));
  const nodes = members.map(({ node }) => node);
  leader.leader.receive({ type: 'relay', nodes: [...nodes, 'not-here'], message: inline() });
  await until('all have the work', () => members.every((member) => member.receivedOf('work').length === 1));
  const round = roundOf(members[0] as KitMember);
  assert.ok(round != null);
  assert.deepEqual([round.site, round.release, round.phase], ['shop', release, 'staged']);
  assert.equal(Math.round(round.spreadMs * 10), 128);
  for (const member of members.slice(1)) {
    assert.deepEqual(roundOf(member), round);
    member.say({ type: 'report', round: round.id, frame: member.frame(`staged ${member.node}`) });
  }
  await until('63 have reported', () => leader.leader.status().rounds[0]?.reported === 63);
  assert.equal(framesOf(leader).length, 0);
  const [first] = members as [KitMember];
  first.say({ type: 'report', round: round.id, frame: first.frame('staged m-0') });
  await until('the round is over', () => leader.saidOf('roundReport').length === 1);
  assert.equal(leader.saidOf('relayed').length, 1);
  assert.equal(leader.said.at(-1)?.type, 'roundReport');
  assert.deepEqual(leader.saidOf('roundReport')[0], {
    type: 'roundReport',
    site: 'shop',
    release,
    phase: 'staged',
    reported: 64,
    working: [],
    missing: ['not-here'],
  });
  assert.deepEqual(
    framesOf(leader)
      .map(({ node }) => node)
      .sort(),
    [...nodes].sort(),
  );
  assert.deepEqual(leader.leader.status().rounds, []);
});

test('LEAD-29 RPT-4 RPT-6 RPT-7: who does not report is asked; who is at work is waited for; who answers nothing is missing, and loses its connection', async (t) => {
  const ccm = await runKitCcm(t);
  const clock = createManualClock();
  const leader = await startLeader(t, ccm, 'web-1', { clock, limits: { pingIntervalMs: 1e9 } });
  lead(leader);
  const [done, busy, mute] = [
    await joinMember(t, ccm, leader, 'm-1'),
    await joinMember(t, ccm, leader, 'm-2'),
    await joinMember(t, ccm, leader, 'm-3'),
  ];
  const decision = {
    version: 1,
    site: 'shop',
    release,
    kind: 'commit',
    fromTree: null,
    toTree: '0'.repeat(40),
    decidedAt: 1,
    signature: `${'A'.repeat(86)}==`,
  } as const;
  leader.leader.receive({
    type: 'relay',
    nodes: ['m-1', 'm-2', 'm-3'],
    message: { type: 'decision', decision },
  });
  await until('all have it', () => [done, busy, mute].every((member) => roundOf(member) != null));
  const round = roundOf(done)?.id as string;
  assert.equal(roundOf(done)?.phase, 'switched');
  done.say({ type: 'report', round, frame: done.frame('switched') });
  await until('it is heard', () => leader.leader.status().rounds[0]?.reported === 1);
  let answered = 0;
  for (let step = 1; step <= 70; step++) {
    clock.advance(100);
    // What comes behind it has arrived when this has.
    const other = { ...abort, site: 'other' };
    leader.leader.receive({ type: 'relay', nodes: ['m-2'], message: other });
    await until('nothing is on its way', () => busy.receivedOf('work').length === 1 + step);
    if (busy.receivedOf('report-request').length === answered) continue;
    answered = busy.receivedOf('report-request').length;
    busy.say({ type: 'working', round });
    busy.say({ type: 'say', frame: busy.frame('heard') });
    await until('that is heard', () => clock.waiting().includes(bundleDelayMs));
  }
  assert.equal(mute.receivedOf('report-request').length, 5);
  assert.ok(answered >= 2, 'who is at work is asked again');
  assert.deepEqual(leader.saidOf('roundReport'), []);
  busy.say({ type: 'report', round, frame: busy.frame('switched') });
  await until('the round is over', () => leader.saidOf('roundReport').length === 1);
  const [end] = leader.saidOf('roundReport');
  assert.deepEqual(end?.missing, ['m-3']);
  assert.equal((await mute.closed).reason, 'NODE_LOST');
  assert.deepEqual(leader.saidOf('relayClosed'), [{ type: 'relayClosed', node: 'm-3', because: 'missing' }]);
});

test('LEAD-29: a newer release ends the rounds of older ones; a report that comes late goes up all the same', async (t) => {
  const ccm = await runKitCcm(t);
  const leader = await startLeader(t, ccm, 'web-1');
  lead(leader);
  const member = await joinMember(t, ccm, leader, 'm-1');
  leader.leader.receive({ type: 'relay', nodes: ['m-1'], message: inline('', 7) });
  leader.leader.receive({ type: 'relay', nodes: ['m-1'], message: inline('', 8) });
  await until('it has both', () => member.receivedOf('work').length === 2);
  assert.deepEqual(
    leader
      .saidOf('roundReport')
      .map(({ release: { sequence }, working, missing }) => [sequence, working, missing]),
    [[7, ['m-1'], []]],
  );
  const old = member.receivedOf('work')[0]?.round?.id as string;
  member.say({ type: 'report', round: old, frame: member.frame('stage failed') });
  await until('it goes up', () => framesOf(leader).length === 1);
  leader.leader.receive({
    type: 'relay',
    nodes: ['m-1'],
    message: { ...abort, release: { epoch: 1, sequence: 8 } },
  });
  await until('the other round has ended', () => leader.saidOf('roundReport').length === 2);
  assert.deepEqual(leader.leader.status().rounds, []);
});
