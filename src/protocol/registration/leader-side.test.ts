// A leader and its members: silence and pauses, leaving, succession, reports, and a move of the whole segment.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SegmentMove } from '../../model/segment.ts';
import { forgottenAfterMs } from './member-table.ts';
import {
  createRegistrationLan,
  describeMember,
  settledSegment,
  testTiming,
} from './testing/registration-lan.ts';

const { quietMs, quietMaxMs, silentMs, offlineMs, reportMs, aliveMs } = testTiming;
const all = 'n001 n002 n003 n004 n005';

test('REG-13 REG-19: a member that falls silent is asked, then listed and reported as offline, and is back with its first word', () => {
  const { lan, run, reports, sent, since, machine } = settledSegment();
  lan.pause('n004');
  const pausedAt = lan.now;
  run(offlineMs + 1000);
  const [asked] = since(sent('solicit'));
  assert.deepEqual(asked?.to, { node: 'n004' });
  assert.ok((asked?.at ?? 0) - pausedAt >= silentMs - testTiming.hereMs);
  assert.deepEqual(reports(), [{ triggers: 'availability', members: 'n001 n002 n003 n004! n005' }]);
  assert.equal(machine('n002').members()[3]?.online, false);
  lan.resume('n004');
  run(1000);
  assert.deepEqual(reports().at(-1), { triggers: 'availability', members: all });
  assert.ok(machine('n004').isRegistered());
});

test('REG-13: a member that is paused for 2 s is not asked, whenever that is', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { lan, run, sent, since, reports } = settledSegment(5, seed);
    run(lan.random() * 1500);
    lan.pause('n004');
    run(2000);
    lan.resume('n004');
    run(1500);
    assert.equal(since(sent('solicit')).length, 0, `seed ${seed}`);
    assert.deepEqual(reports(), [], `seed ${seed}`);
  }
});

test('REG-13: a crashed member is offline for the CCM within the bound', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { lan, run, reports, facts, since } = settledSegment(5, seed);
    run(lan.random() * 1500);
    const crashedAt = lan.now;
    lan.crash('n003');
    run(8000);
    const report = since(facts('segment-report')).find(({ fact }) =>
      fact.report.members.some(({ online }) => !online),
    );
    assert.equal(reports()[0]?.members, 'n001 n002 n003! n004 n005', `seed ${seed}`);
    assert.ok((report?.at ?? 0) - crashedAt <= offlineMs + (offlineMs - silentMs) / 4 + quietMs + 10);
  }
});

test('REG-12: a leader that was paused, however long, blames nobody; who died meanwhile is found all the same', () => {
  for (const pausedMs of [1000, 5000, 60_000]) {
    const { lan, run, reports, sent, since } = settledSegment();
    lan.pause('n001');
    run(pausedMs);
    lan.crash('n002');
    lan.resume('n001');
    run(100);
    assert.equal(since(sent('solicit')).length, 0, `${pausedMs} ms`);
    run(offlineMs + 1500);
    const offline = reports().filter(({ members }) => members.includes('!'));
    assert.ok(offline.length > 0 && offline.every(({ members }) => members === 'n001 n002! n003 n004 n005'));
  }
});

test('REG-12: members whose messages only wait behind the pause are not lost by how these are handed over', () => {
  const { lan, run, reports } = settledSegment();
  for (let pause = 0; pause < 8; pause++) {
    lan.pause('n001');
    run(3900);
    lan.resume('n001');
    run(20);
  }
  run(2000);
  assert.ok(reports().every(({ members }) => members === all));
});

test('REG-11: a member listed as offline that hears so registers again', () => {
  const { lan, run, machine, facts, reports } = settledSegment();
  lan.cut('n004', 'n001');
  run(offlineMs + 1500);
  assert.equal(machine('n004').isRegistered(), false);
  assert.deepEqual(
    facts('registered', 'n004').map(({ fact }) => fact.registered),
    [true, false],
  );
  lan.heal();
  run(5000);
  assert.ok(machine('n004').isRegistered());
  assert.equal(reports().at(-1)?.members, all);
});

test('REG-14 REG-20: asked by the operator, the leader asks all, and reports when all have answered', () => {
  const { lan, run, reports, sent, since, facts } = settledSegment();
  const askedAt = lan.now;
  const busy = { ...describeMember(3), offer: { maintenance: false, freeBytes: 42, load: 1 } };
  lan.input('n003', { input: 'self', self: busy });
  lan.input('n001', { input: 'report', why: 'operator' });
  run(400);
  assert.deepEqual(
    since(sent('solicit')).map(({ to, message }) => [to, message.nodes]),
    [[{ group: true }, []]],
  );
  assert.deepEqual(reports(), [{ triggers: 'operator', members: all }]);
  const { at, fact } = facts('segment-report').at(-1) ?? assert.fail();
  assert.ok(at - askedAt > 50 && at - askedAt < 310, 'the answers are spread');
  assert.equal(fact.report.members[2]?.offer?.freeBytes, 42);
});

test('REG-20: whoever does not answer holds up a report only until the maximum; a transfer holds up nothing', () => {
  const { lan, run, reports } = settledSegment();
  lan.crash('n003');
  lan.input('n001', { input: 'report', why: 'ccm' });
  lan.input('n001', { input: 'report', why: 'transfer' });
  run(quietMaxMs - 50);
  assert.deepEqual(reports(), [{ triggers: 'transfer', members: all }]);
  run(100);
  assert.deepEqual(reports()[1], { triggers: 'ccm', members: all });
  lan.input('n002', { input: 'report', why: 'transfer' });
  run(100);
  assert.deepEqual(reports('n002'), [], 'who does not lead reports nothing');
});

test('REG-13: any message of a member is a sign of life', () => {
  const { lan, run, reports } = settledSegment();
  lan.pause('n004');
  for (let second = 0; second < 12; second++) {
    run(1000);
    const message = { type: 'leader-claim', term: 1, priority: 1, accepted: false } as const;
    lan.input('n001', { input: 'message', from: 'n004', message });
  }
  assert.ok(reports().every(({ members }) => members === all));
});

test('REG-14: a member that is not named does not answer', () => {
  const { lan, run, sent, since } = settledSegment();
  lan.input('n002', {
    input: 'message',
    from: 'n001',
    message: { type: 'solicit', term: 1, nodes: ['n003'] },
  });
  lan.input('n004', {
    input: 'message',
    from: 'n001',
    message: { type: 'solicit', term: 1, nodes: ['n004'] },
  });
  run(1);
  assert.deepEqual(
    since(sent('here')).map(({ from }) => from),
    ['n004'],
  );
});

test('REG-10 REG-11: a member that its leader lost registers again, also when it missed the list that shows so', () => {
  for (const misses of [false, true]) {
    const { lan, run, machine, reports } = settledSegment();
    if (misses) lan.cut('n001', 'n003');
    lan.input('n001', { input: 'message', from: 'n003', message: { type: 'leave', term: 1 } });
    run(500);
    lan.heal();
    run(3500);
    assert.deepEqual(
      reports().map(({ triggers }) => triggers),
      ['leave', 'join'],
    );
    assert.ok(machine('n003').isRegistered());
    assert.equal(machine('n005').members().length, 5);
  }
});

test('REG-15: who leaves is out of list and report at once, and sends nothing more', () => {
  const { lan, run, reports, machine, sent, elect } = settledSegment();
  lan.input('n004', { input: 'stop' });
  const leftAt = lan.now;
  run(quietMs + 100);
  assert.deepEqual(reports(), [{ triggers: 'leave', members: 'n001 n002 n003 n005' }]);
  assert.ok(
    machine('n002')
      .members()
      .every(({ node }) => node !== 'n004'),
  );
  run(5000);
  assert.deepEqual(
    lan.sent.filter(({ from, at }) => from === 'n004' && at > leftAt),
    [],
  );
  assert.equal(sent('leave').length, 1);
  lan.input('n001', { input: 'stop' });
  run(10);
  elect('n002', 2, ['n002', 'n003', 'n005']);
  run(2 * quietMaxMs);
  assert.ok(reports('n002').every(({ members }) => members === 'n002 n003 n005'));
});

test('REG-15: a member that was offline for an hour is left out', () => {
  const { lan, run, reports, machine } = settledSegment();
  lan.crash('n004');
  run(forgottenAfterMs - 60_000);
  assert.equal(machine('n001').members().length, 5);
  run(120_000);
  assert.equal(machine('n001').members().length, 4);
  assert.equal(reports().filter(({ triggers }) => triggers === 'leave').length, 1);
});

test('REG-16 REG-18: a new leader starts with the last list that it knows, and finds out who is gone', () => {
  const { lan, run, reports, facts, elect, sent, since } = settledSegment();
  lan.crash('n001');
  lan.crash('n005');
  elect('n002', 2, ['n002', 'n003', 'n004']);
  const tookOfficeAt = lan.now;
  assert.deepEqual(reports('n002'), [{ triggers: 'leader', members: all }]);
  const first = facts('segment-report', 'n002')[0]?.fact.report;
  assert.deepEqual(first?.members[2], {
    ...{ node: 'n003', online: true, address: '10.0.0.3', port: 7411 },
    ...{ capabilities: null, offer: null },
  });
  run(offlineMs + 1000);
  const asked = since(sent('solicit')).map(({ message }) => message.nodes.join());
  assert.deepEqual([...new Set(asked)].sort(), ['n001', 'n005']);
  const offlineAt = (node: string) =>
    (facts('segment-report', 'n002').find(({ fact }) =>
      fact.report.members.some((member) => member.node === node && !member.online),
    )?.at ?? Number.NaN) - tookOfficeAt;
  assert.ok(offlineAt('n001') <= offlineMs - silentMs + 1000, 'the former leader was waited for already');
  assert.ok(offlineAt('n005') <= offlineMs + 1000);
  const askedAt =
    since(sent('solicit')).find(({ message }) => message.nodes.includes('n005'))?.at ?? Number.NaN;
  assert.ok(askedAt - tookOfficeAt <= quietMaxMs + 500);
  assert.equal(reports('n002').at(-1)?.members, 'n001! n002 n003 n004 n005!');
});

test('REG-16: a former leader that is alive is not offline for its successor', () => {
  const { run, reports, elect } = settledSegment();
  elect('n002', 2);
  run(offlineMs + 2000);
  assert.ok(reports('n002').every(({ members }) => members === all));
});

test('REG-17: a leader in a higher term keeps its members, which register anew', () => {
  const { run, reports, elect, sent, since, machine } = settledSegment();
  elect('n001', 3);
  assert.deepEqual(reports(), [{ triggers: 'leader', members: all }]);
  run(3000);
  assert.equal(since(sent('register')).length, 4);
  assert.ok(reports().every(({ members }) => members === all));
  assert.ok(since(sent('member-list')).every(({ message }) => message.term === 3 && message.list > 1));
  assert.ok(machine('n005').isRegistered());
});

test('REG-19: without anything new a leader reports on its timer; an election in doubt ends nothing', () => {
  const { lan, run, reports, elect } = settledSegment();
  elect(null, 2, ['n003']);
  elect('n001', 1, ['n003']);
  run(3 * reportMs);
  assert.deepEqual(reports(), [
    { triggers: 'timer', members: all },
    { triggers: 'timer', members: all },
    { triggers: 'timer', members: all },
  ]);
  assert.equal(lan.sent.filter(({ message }) => message.type === 'register').length, 4);
});

test('REG-21: all go at one moment, also when LAs are lost; a member ignores the order', () => {
  const to: SegmentMove = {
    segment: 'ab'.repeat(16),
    channel: { transport: 'multicast', group: '239.1.2.3', port: 9000 },
  };
  const { lan, run, facts, machine, nodes } = settledSegment();
  lan.input('n002', { input: 'move', to });
  assert.ok(lan.logged.some(({ node, event }) => node === 'n002' && event === 'move-ignored'));
  const orderedAt = lan.now;
  lan.input('n001', { input: 'move', to });
  assert.equal(machine('n001').announced(lan.now).move?.afterMs, 4 * aliveMs);
  run(1000);
  assert.equal(machine('n001').announced(lan.now).move?.afterMs, 4 * aliveMs - 1000);
  const elsewhere = { ...to, segment: 'cd'.repeat(16), afterMs: 1 };
  for (const [from, term] of [
    ['n004', 1],
    ['n001', 0],
  ] as const) {
    const said = {
      type: 'leader-alive',
      term,
      priority: 7,
      accepted: false,
      list: 1,
      revocations: 0,
    } as const;
    lan.input('n002', { input: 'message', from, message: { ...said, move: elsewhere } });
  }
  lan.run(5);
  assert.equal(facts('move').length, 0);
  run(1500);
  assert.deepEqual(
    facts('move')
      .map(({ node }) => node)
      .sort(),
    nodes,
  );
  for (const { at, fact } of facts('move')) {
    assert.ok(Math.abs(at - orderedAt - 4 * aliveMs) < 5);
    assert.deepEqual(fact.to, to);
  }
  assert.equal(machine('n001').announced(lan.now).move, null);
});

test('REG-21: a member that becomes leader goes on announcing the move', () => {
  const to: SegmentMove = {
    segment: 'ab'.repeat(16),
    channel: { transport: 'unicast', group: null, port: 1 },
  };
  const { lan, run, facts, machine, elect } = settledSegment();
  lan.input('n001', { input: 'move', to });
  run(600);
  lan.crash('n001');
  elect('n002', 2);
  assert.deepEqual(machine('n002').announced(lan.now).move?.segment, to.segment);
  run(2000);
  assert.deepEqual(
    facts('move')
      .map(({ node }) => node)
      .sort(),
    ['n002', 'n003', 'n004', 'n005'],
  );
});

test('a segment of one reports itself and sends no word to anybody but its list', () => {
  const { lan, elect, run, facts } = createRegistrationLan({ members: 1 });
  elect('n001', 1);
  lan.input('n001', { input: 'report', why: 'operator' });
  run(3000);
  assert.deepEqual(
    facts('segment-report').map(({ fact }) => fact.report.members.length),
    [1, 1],
  );
});
