// One rule at a time; what loss, crashes and pauses make of all of them together is registration.property.test.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { segmentMembersMax } from '../../model/segment.ts';
import {
  createRegistrationLan,
  describeMember,
  settledSegment,
  testTiming,
} from './testing/registration-lan.ts';

const { quietMs, quietMaxMs, retryMs, retryRandomMs, hereMs } = testTiming;

test('REG-2 REG-3 REG-7: members that hear of a leader together are registered by one list, and the leader reports', () => {
  const { elect, run, facts, sent, nodes, machine } = createRegistrationLan({ members: 5 });
  elect('n001', 1);
  run(3000);
  assert.ok(nodes.every((node) => machine(node).isRegistered()));
  assert.equal(sent('register').length, 4);
  assert.equal(new Set(sent('register').map(({ at }) => Math.round(at))).size, 4, 'not all at once');
  const lists = sent('member-list');
  assert.equal(lists.length, 1, 'the list waits for the quiet delay');
  const lastRequestAt = sent('register').at(-1)?.at ?? 0;
  assert.ok(Math.abs((lists[0]?.at ?? 0) - lastRequestAt - quietMs) < 3);
  const reports = facts('segment-report').map(({ fact }) => fact.report);
  assert.deepEqual(
    reports.map(({ triggers }) => triggers),
    [['leader'], ['join']],
  );
  assert.deepEqual(
    reports[1]?.members.map(({ node, online }) => [node, online]),
    nodes.map((node) => [node, true]),
  );
  assert.deepEqual(reports[1]?.members[2], { node: 'n003', online: true, ...describeMember(3) });
});

test('REG-7: a list does not wait longer than the maximum, however many requests come', () => {
  const { lan, run, sent } = settledSegment(1);
  const firstAt = lan.now;
  for (let index = 0; index < 20; index++) {
    const message = {
      type: 'register',
      leader: 'n001',
      term: 1,
      nonce: 5,
      ...describeMember(index),
    } as const;
    lan.input('n001', { input: 'message', from: `x${index}`, message });
    run(quietMs - 50);
  }
  const list = sent('member-list').find(({ message }) => message.members.length > 1);
  assert.equal(list?.at, firstAt + quietMaxMs);
});

test('REG-4: a lost request is repeated with its nonce, after the fixed and the random time behind the list that was due', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const { lan, elect, run, sent, machine } = createRegistrationLan({ members: 2, seed });
    lan.cut('n002', 'n001');
    elect('n001', 1);
    run(310);
    lan.heal();
    run(2000);
    const requests = sent('register', 'n002');
    assert.equal(requests.length, 2, `seed ${seed}`);
    const waitedMs = (requests[1]?.at ?? 0) - (requests[0]?.at ?? 0);
    // A list that the leader sends meanwhile makes it count anew.
    assert.ok(waitedMs >= quietMs + retryMs, `seed ${seed}: ${waitedMs}`);
    assert.ok(waitedMs <= 2 * quietMs + retryMs + retryRandomMs, `seed ${seed}: ${waitedMs}`);
    assert.equal(requests[0]?.message.nonce, requests[1]?.message.nonce);
    assert.ok(machine('n002').isRegistered());
  }
});

test('REG-4: requests heard from others put the retry off, since the list waits for them too', () => {
  const { lan, elect, run, sent, nodes } = createRegistrationLan({ members: 8 });
  lan.cut('n002', 'n001');
  elect('n001', 1, ['n001', 'n002']);
  run(310);
  lan.heal();
  const otherAt: number[] = [];
  for (const node of nodes.slice(2)) {
    elect('n001', 1, [node]);
    lan.run(200);
    otherAt.push(sent('register', node)[0]?.at ?? lan.now);
  }
  run(3000);
  const second = sent('register', 'n002')[1]?.at ?? 0;
  assert.ok(second > (sent('register', 'n002')[0]?.at ?? 0) + quietMs + retryMs + retryRandomMs, 'put off');
  assert.ok(second <= (sent('register', 'n002')[0]?.at ?? 0) + quietMaxMs + retryMs + retryRandomMs);
});

test('REG-4: a member that hears and is not heard says so once, asks less and less often, and is registered when it is heard', () => {
  const { lan, elect, run, sent, facts, machine } = createRegistrationLan({ members: 3 });
  lan.cut('n002', 'n001');
  elect('n001', 1);
  run(20_000);
  const before = sent('register', 'n002').length;
  run(20_000);
  assert.equal(facts('unheard').length, 1);
  assert.deepEqual(facts('unheard')[0]?.fact, { fact: 'unheard', leader: 'n001' });
  const within = sent('register', 'n002').length - before;
  assert.ok(within >= 4 && within <= 7, `${within} requests in 20 s`);
  lan.heal();
  run(6000);
  assert.ok(machine('n002').isRegistered());
});

test('REG-1 REG-6: a request for another leader or another term registers nobody', () => {
  const { lan, run, machine, sent } = settledSegment(3);
  const request = { type: 'register', nonce: 5, ...describeMember(9) } as const;
  for (const wrong of [
    { leader: 'n002', term: 1 },
    { leader: 'n001', term: 0 },
    { leader: 'n001', term: 2 },
  ])
    lan.input('n001', { input: 'message', from: 'n009', message: { ...request, ...wrong } });
  run(3000);
  assert.deepEqual(
    machine('n001')
      .members()
      .map(({ node }) => node),
    ['n001', 'n002', 'n003'],
  );
  lan.input('n001', { input: 'message', from: 'n009', message: { ...request, leader: 'n001', term: 1 } });
  run(3000);
  assert.equal(sent('member-list').at(-1)?.message.members.length, 4);
});

test('REG-6: a leader has a limit of members', () => {
  const { lan, machine, facts } = settledSegment(2);
  for (let index = 0; index < segmentMembersMax + 5; index++) {
    const message = {
      type: 'register',
      leader: 'n001',
      term: 1,
      nonce: 5,
      ...describeMember(index),
    } as const;
    lan.input('n001', { input: 'message', from: `x${index}`, message });
  }
  assert.equal(lan.logged.filter(({ event }) => event === 'registration-refused').length, 7);
  lan.crash('n002');
  lan.run(3000);
  assert.equal(machine('n001').members().length, segmentMembersMax);
  assert.equal(facts('segment-report').at(-1)?.fact.report.members.length, segmentMembersMax);
});

test('REG-3 REG-9: a list of another leader, another term, or with another nonce registers nobody', () => {
  const { lan, elect, facts, machine } = createRegistrationLan({ members: 2 });
  lan.crash('n001');
  elect('n001', 4);
  lan.run(400);
  const [request] = lan.sent.map(({ message }) => message).filter((message) => message.type === 'register');
  const nonce = request?.nonce ?? 0;
  const tell = (from: string, term: number, listed: number) => {
    const members = [{ node: 'n002', address: '10.0.0.2', port: 7411, nonce: listed, online: true }];
    const message = { type: 'member-list', term, list: 1, part: 0, parts: 1, members } as const;
    lan.input('n002', { input: 'message', from, message });
    return machine('n002').isRegistered();
  };
  assert.equal(tell('n003', 4, nonce), false);
  assert.equal(tell('n001', 3, nonce), false);
  assert.equal(tell('n001', 4, nonce - 1), false);
  assert.equal(tell('n001', 4, nonce), true);
  lan.run(0);
  assert.deepEqual(
    facts('members').map(({ fact: { leader, term, list } }) => ({ leader, term, list })),
    [{ leader: 'n001', term: 4, list: 1 }],
    'of three lists one counts, and is told once',
  );
});

test('REG-5 REG-19: maintenance is told at once and reported; free space and load come with the next report', () => {
  const { lan, run, reports, sent, since, facts } = settledSegment();
  const before = describeMember(3);
  const busy = { ...before, offer: { maintenance: false, freeBytes: 5, load: 300 } };
  lan.input('n003', { input: 'self', self: busy });
  run(2 * hereMs);
  assert.deepEqual(reports(), []);
  lan.input('n003', { input: 'self', self: { ...busy, offer: { ...busy.offer, maintenance: true } } });
  run(500);
  assert.deepEqual(
    reports().map(({ triggers }) => triggers),
    ['availability'],
  );
  const member = facts('segment-report').at(-1)?.fact.report.members[2];
  assert.deepEqual(member?.offer, { maintenance: true, freeBytes: 5, load: 300 });
  assert.equal(since(sent('register')).length, 0);
});

test('REG-5 REG-19: other capabilities or another address are a new request, and are reported', () => {
  const { lan, run, reports, sent, since, machine } = settledSegment();
  lan.input('n003', { input: 'self', self: { ...describeMember(3), capabilities: ['control-1', 'data-1'] } });
  lan.input('n001', { input: 'self', self: { ...describeMember(1), address: '10.0.0.99' } });
  run(3000);
  assert.deepEqual(
    reports().map(({ triggers }) => triggers),
    ['availability'],
  );
  assert.equal(since(sent('register', 'n003')).length, 1);
  assert.ok(machine('n003').isRegistered());
  assert.equal(machine('n004').members()[0]?.address, '10.0.0.99');
});

test('REG-8: two nodes with one name do not chase each other with requests', () => {
  const { lan, run, sent } = settledSegment(3);
  const twin = { type: 'register', leader: 'n001', term: 1, nonce: 1, ...describeMember(9) } as const;
  lan.input('n001', { input: 'message', from: 'n002', message: twin });
  const from = sent('register').length;
  run(4000);
  assert.equal(sent('register').length - from, 0);
  assert.ok(lan.logged.some(({ node, event }) => node === 'n002' && event === 'name-taken'));
  run(4000);
  assert.equal(sent('register').length - from, 1);
});

test('REG-10: a member that missed a list gets it again, alone; several get it together', () => {
  for (const missing of [1, 35]) {
    const { lan, nodes, run, machine, sent, since } = settledSegment(40);
    for (const node of nodes.slice(1, 1 + missing)) {
      lan.cut('n001', node);
      lan.cut('n040', node);
    }
    lan.input('n040', { input: 'stop' });
    run(800);
    lan.heal();
    assert.equal(machine('n002').members().length, 40);
    run(2 * hereMs + quietMs);
    for (const node of nodes.slice(0, 39))
      assert.equal(machine(node).members().length, 39, `${node}, ${missing} missed it`);
    const again = since(sent('member-list'));
    const alone = again.filter(({ to }) => 'node' in to).length;
    if (missing === 1) assert.equal(alone, 1);
    else assert.ok(again.length < 12, `${again.length} lists, ${alone} to one alone`);
  }
});

test('REG-9 REG-11: a list whose last part names others leaves nobody out', () => {
  const { lan, run, machine, nodes, sent, since, facts } = settledSegment(40);
  assert.equal(sent('register').length, 39, 'nobody had to ask twice');
  lan.input('n040', { input: 'stop' });
  run(5000);
  assert.equal(since(sent('register')).length, 0);
  assert.equal(facts('registered').length, 39);
  assert.ok(nodes.slice(0, 39).every((node) => machine(node).members().length === 39));
});
