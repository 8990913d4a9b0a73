// What a rogue or broken leader carries, and nodes that may not be behind it: nothing of it counts, and nobody else suffers.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { TreecastError } from '../../../model/treecast-error.ts';
import { closeCodes } from '../../../net/link/close-codes.ts';
import { createManualClock } from '../../../net/testing/manual-clock.ts';
import { fingerprintOf } from '../../../net/tls/fingerprint.ts';
import { until } from '../../../plugins/testing/until.ts';
import { connectGreeted, connectRawAgent, helloOf } from '../testing/raw-agent.ts';
import { addRawMember, connectRawLeader, openingOf, type RawMember } from '../testing/raw-leader.ts';
import { type RunningGateway, runGateway } from '../testing/running-gateway.ts';

const release = { epoch: 1, sequence: 7 };
function happened(running: RunningGateway, node: string): string[] {
  return running.events.filter((event) => event.node === node).map(({ what }) => what);
}

test('LEAD-3: forged, altered and foreign words end the node’s place behind the leader; the leader’s link stays', async (t) => {
  const running = await runGateway(t);
  const leader = await connectRawLeader(running, 'web1');
  const other = await addRawMember(running, 'web3');
  await leader.open(other);
  const word = { type: 'undone', site: 'shop', release };
  const forgeries = {
    'another key': (member: RawMember) => ({
      ...member.sign(leader.session(), word),
      signature: other.sign(leader.session(), word).signature,
    }),
    altered: (member: RawMember) => ({
      ...member.sign(leader.session(), word),
      text: JSON.stringify({ ...word, site: 'other' }),
    }),
    'another session': (member: RawMember) => member.sign('c'.repeat(32), word),
    'in another’s name': (member: RawMember) => ({
      ...other.sign(leader.session(), word),
      node: member.node,
      counter: 1_000,
    }),
    'no message': (member: RawMember) => member.sign(leader.session(), { type: 'gossip' }),
    'no JSON': (member: RawMember) => member.sign(leader.session(), '{'),
    'a second hello': (member: RawMember) => member.sign(leader.session(), helloOf(member.node)),
    'words for others': (member: RawMember) =>
      member.sign(leader.session(), { type: 'relayClosed', node: 'web3', because: 'left' }),
    'out of bounds': (member: RawMember) =>
      member.sign(leader.session(), { type: 'siteFacts', site: 'shop', urlMap: 'x' }),
  };
  for (const [index, [name, forge]] of Object.entries(forgeries).entries()) {
    const member = await addRawMember(running, `bad-${index}`);
    assert.equal(await leader.open(member), 'behind', name);
    leader.carry(forge(member), other.sign(leader.session(), word));
    await until(`it is refused: ${name}`, () => leader.answers(member.node).length === 2);
    assert.equal(leader.answers(member.node)[1], 'refused', name);
    assert.equal(running.gateway.isConnected(member.node), false, name);
    assert.ok(!happened(running, member.node).includes('message'), name);
  }
  const count = Object.keys(forgeries).length;
  await until('the other is heard', () => happened(running, 'web3').length === 1 + count);
  assert.ok(running.gateway.isConnected('web1'));
});

test('LEAD-3: what was said before does not count again, in the same session or a later opening', async (t) => {
  const running = await runGateway(t);
  const leader = await connectRawLeader(running, 'web1');
  const member = await addRawMember(running, 'web2');
  const session = leader.session();
  const opening = openingOf(member, session);
  leader.say(opening);
  await until('it is answered', () => leader.answers('web2').length === 1);
  const word = member.sign(session, { type: 'undone', site: 'shop', release });
  leader.carry(word, word);
  leader.carry(word);
  const own = await connectGreeted(running, member);
  await until('it is called', () => leader.answers('web2').length === 2);
  leader.say(opening);
  await until('it is answered', () => leader.answers('web2').length === 3);
  assert.equal(leader.answers('web2')[2], 'refused', 'a replayed opening takes no link from the node');
  assert.equal(own.socket.readyState, own.socket.OPEN);
  assert.deepEqual(happened(running, 'web2'), ['connected', 'message', 'disconnected', 'connected']);
  const silent = await addRawMember(running, 'web3');
  const only = openingOf(silent, session);
  leader.say(only);
  leader.say(only);
  await until('both are answered', () => leader.answers('web3').length === 2);
  assert.deepEqual(leader.answers('web3'), ['behind', 'refused']);
  assert.equal(running.gateway.behind('web3')?.leader, 'web1', 'and takes no place from it either');
});

test('LEAD-2: openings of nodes that may not be there are refused, or called where the node itself must be told', async (t) => {
  const running = await runGateway(t);
  const leader = await connectRawLeader(running, 'web1');
  const foreign = await addRawMember(running, 'foreign', 'b'.repeat(32));
  assert.equal(await leader.open(foreign), 'refused', 'of another segment');
  assert.equal(await leader.open(await addRawMember(running, 'none', null)), 'refused', 'of none');
  const old = await addRawMember(running, 'old');
  assert.equal(await leader.open(old, { hello: { profiles: [] } }), 'refused', 'does not know leaders');
  assert.equal(
    await leader.open(await addRawMember(running, 'web2'), { hello: { protocols: [99] } }),
    'refused',
  );
  const removed = await addRawMember(running, 'removed');
  running.nodes.delete('removed');
  assert.equal(await leader.open(removed), 'call', 'hears over its own link that it is removed');
  const expired = await addRawMember(running, 'expired');
  const { raw } = new X509Certificate(expired.identity.certificate);
  running.standings.set(fingerprintOf(raw), 'expired');
  assert.equal(await leader.open(expired), 'call');

  const [victim, thief] = [await addRawMember(running, 'victim'), await addRawMember(running, 'thief')];
  const stolen = openingOf(thief, leader.session());
  for (const [name, opening] of Object.entries({
    'another’s certificate': { ...openingOf(victim, leader.session()), certificate: stolen.certificate },
    'another’s key': {
      ...stolen,
      certificate: openingOf(victim, leader.session()).certificate,
      frame: { ...stolen.frame, node: 'victim' },
    },
    'no certificate': { ...openingOf(victim, leader.session()), certificate: 'AAAA' },
    'another session': openingOf(victim, 'd'.repeat(32)),
    'another’s hello': openingOf(victim, leader.session(), { hello: { node: 'thief' } }),
    'no opening': { ...stolen, frame: thief.sign(leader.session(), helloOf('thief')) },
  })) {
    const before = leader.got('relayAnswer').length;
    leader.say(opening);
    await until(`it is answered: ${name}`, () => leader.got('relayAnswer').length > before);
    assert.notEqual(leader.got('relayAnswer').at(-1)?.answer, 'behind', name);
  }
  assert.equal(await leader.open(await addRawMember(running, 'web1')), 'refused', 'the leader itself');
  assert.deepEqual(
    running.events.filter(({ node }) => node !== 'web1'),
    [],
  );
});

test('LEAD-2 KEYS-7: a node that is removed while behind is called, and told on its own link', async (t) => {
  const running = await runGateway(t);
  const leader = await connectRawLeader(running, 'web1');
  const member = await addRawMember(running, 'web2');
  await leader.open(member);
  running.nodes.delete('web2');
  running.gateway.close('web2', new TreecastError('NODE_REMOVED', 'The node was removed.'));
  assert.equal(running.gateway.isConnected('web2'), false);
  leader.carry(member.sign(leader.session(), { type: 'undone', site: 'shop', release }));
  await until('it is called', () => leader.answers('web2').at(-1) === 'call');
  const own = await connectRawAgent(running, member.identity);
  assert.equal((await own.closed).code, closeCodes.certificateInvalid);
  assert.deepEqual(happened(running, 'web2'), ['connected', 'disconnected']);
  assert.equal(await leader.open(member), 'call', 'and does not come back');
});

test('LEAD-7 LINK-31: openings that nobody made, and words of nobody, are the leader’s own to pay', async (t) => {
  const clock = createManualClock();
  const running = await runGateway(t, { clock });
  const leader = await connectRawLeader(running, 'web1');
  const opening = openingOf(await addRawMember(running, 'web2'), 'f'.repeat(32));
  for (let n = 0; n < 2_500; n++) leader.say({ ...opening, certificate: 'AAAA' });
  assert.equal((await leader.closed).code, closeCodes.flood);
  const next = await connectRawLeader(running, 'web1');
  const { frame } = opening;
  const frames = Array.from({ length: 100 }, () => ({ ...frame, text: 'x'.repeat(4_096) }));
  for (let n = 0; n < 120; n++) next.carry(...frames);
  assert.equal((await next.closed).code, closeCodes.flood);
});

test('LEAD-7 LINK-31: what a leader carries is paid for by who said it', async (t) => {
  const clock = createManualClock();
  const running = await runGateway(t, { clock });
  const leader = await connectRawLeader(running, 'web1');
  const members = [await addRawMember(running, 'web2'), await addRawMember(running, 'web3')];
  for (const member of members) await leader.open(member);
  // 200 units each, of the 10,000 that each of the three may say at once.
  const paths = Array.from({ length: 50 }, (_, n) => `${n}`.repeat(16_000).slice(0, 16_000));
  const mend = { type: 'mend', site: 'shop', tree: 'a'.repeat(40), paths };
  for (let n = 0; n < 52; n++) leader.carry((members[n % 2] as RawMember).sign(leader.session(), mend));
  const heard = () => running.events.filter(({ what }) => what === 'message').length;
  await until('all is heard', () => heard() === 52, 60_000);
  assert.ok(running.gateway.isConnected('web1'));
});
