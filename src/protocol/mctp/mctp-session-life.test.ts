// Single rules of a session, on a small LAN where a test says what gets lost; what faults make of all of them together is the simulator's.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MctpSenderFact } from './mctp-machines.ts';
import { statusBytes, statusBytesMax } from './mctp-messages.ts';
import { createMctpReceiver } from './mctp-receiver.ts';
import { createMctpLab, type Lab } from './testing/mctp-lab.ts';

const all = ['web-1', 'web-2', 'web-3'];

const facts = ({ events }: Lab): MctpSenderFact[] =>
  events.flatMap(({ who, what }) =>
    who === 'leader' && 'fact' in what ? [what.fact as MctpSenderFact] : [],
  );
const frames = ({ events }: Lab) => events.flatMap(({ what }) => ('frames' in what ? what.frames : []));
const statuses = ({ events }: Lab) => events.flatMap(({ what }) => ('says' in what ? [what.says] : []));
const ended = (lab: Lab) => facts(lab).find((fact) => fact.fact === 'ended');

test('MCTP-12 MCTP-18 MCTP-32: without loss each frame goes out once, without parity, and each receiver speaks once', () => {
  const lab = createMctpLab();
  lab.available(0, 4);
  for (const node of all) lab.join(node);
  lab.run(1000);
  assert.equal(frames(lab).length, 46);
  assert.ok(frames(lab).every(({ sequence, block }) => sequence < (block === 0 ? 1 : 15)));
  assert.deepEqual(
    statuses(lab).map(({ state }) => state),
    ['complete', 'complete', 'complete'],
  );
  assert.deepEqual(ended(lab), { fact: 'ended', complete: all, unicast: [], failed: [] });
});

test('MCTP-4: blocks go out as they become available, and the sender is heard meanwhile', () => {
  const lab = createMctpLab();
  lab.available(0, 2);
  for (const node of all) lab.join(node);
  lab.run(20_000);
  assert.deepEqual([...new Set(frames(lab).map(({ block }) => block))], [0, 1]);
  lab.available(2, 4);
  lab.run(1000);
  assert.deepEqual(ended(lab), { fact: 'ended', complete: all, unicast: [], failed: [] });
});

test('MCTP-23: blocks that all hold are not sent', () => {
  const lab = createMctpLab();
  lab.available(0, 4);
  for (const node of all) lab.join(node, 'nothing');
  lab.run(1000);
  assert.equal(frames(lab).length, 0);
  assert.deepEqual(ended(lab), { fact: 'ended', complete: all, unicast: [], failed: [] });
});

test('MCTP-25: a receiver that is gone is asked again and again, then handed to unicast, and the session ends', () => {
  const lab = createMctpLab();
  lab.available(0, 4);
  for (const node of all) lab.join(node);
  lab.run(50);
  lab.crash('web-2');
  lab.run(10_000);
  assert.deepEqual(ended(lab), {
    ...{ fact: 'ended', complete: ['web-1', 'web-3'], unicast: ['web-2'], failed: [] },
  });
  assert.ok(facts(lab).some((fact) => fact.fact === 'unicast' && fact.why === 'silent'));
});

test('MCTP-32: who is said to be there no longer is waited for no more, and takes part again when it is back', () => {
  const lab = createMctpLab();
  lab.available(0, 2);
  for (const node of all) lab.join(node);
  lab.run(50);
  lab.leave('web-2');
  lab.available(2, 4);
  lab.run(500);
  assert.deepEqual(ended(lab), {
    ...{ fact: 'ended', complete: ['web-1', 'web-3'], unicast: ['web-2'], failed: [] },
  });
  assert.ok(!statuses(lab).some(({ round }) => round > 0), 'nobody has to be asked');
  const other = createMctpLab();
  other.available(0, 2);
  for (const node of all) other.join(node);
  other.run(50);
  other.leave('web-2');
  other.run(50);
  other.join('web-2');
  other.available(2, 4);
  other.run(2_000);
  assert.deepEqual(ended(other), { fact: 'ended', complete: all, unicast: [], failed: [] });
});

test('MCTP-24: receivers whose sender is gone end', () => {
  const lab = createMctpLab();
  lab.available(0, 2);
  for (const node of all) lab.join(node);
  lab.run(1000);
  lab.stopSender(60_000);
  lab.run(20_000);
  const ends = lab.events.filter(({ what }) => 'fact' in what && what.fact.fact === 'ended');
  assert.equal(ends.length, 3);
});

test('MCTP-33: a sender that was stopped goes on, before and amid a session, and turns in no circle', () => {
  for (const stopAt of [0, 40, 100]) {
    const lab = createMctpLab();
    lab.available(0, 4);
    for (const node of all.slice(0, 2)) lab.join(node);
    lab.run(stopAt);
    lab.stopSender(4000);
    lab.run(10);
    lab.join('web-3');
    lab.run(12_000);
    assert.deepEqual(ended(lab), { fact: 'ended', complete: all, unicast: [], failed: [] }, `at ${stopAt}`);
  }
});

test('MCTP-27 MCTP-29: when nobody is reached any more a problem is told, everybody is handed to unicast, and the session ends', () => {
  const lab = createMctpLab();
  lab.available(0, 4);
  for (const node of all) {
    lab.join(node);
    lab.lose(node, 'all');
  }
  lab.run(30_000);
  const told = facts(lab).map(({ fact }) => fact);
  assert.ok(told.includes('problem') && !told.includes('quorum'), told.join());
  assert.deepEqual(ended(lab), { fact: 'ended', complete: [], unicast: all, failed: [] });
});

test('R8.2 MCTP-12: whatever a receiver of 40 blocks misses, each status fits in a datagram', () => {
  for (const repair of ['arq', 'fec'] as const) {
    const lab = createMctpLab({ repair, blocks: 40 });
    lab.available(0, 41);
    for (const node of all) lab.join(node);
    const every = (step: number) =>
      Array.from({ length: 700 }, (_, index) => 1 + index).filter((each) => each % step === 0);
    lab.lose('web-1', every(3));
    lab.lose('web-2', every(17));
    lab.run(20_000);
    assert.ok(statuses(lab).length > 3);
    for (const status of statuses(lab)) assert.ok(statusBytes(status) <= statusBytesMax);
    assert.deepEqual(ended(lab), { fact: 'ended', complete: all, unicast: [], failed: [] });
  }
});

test('MCTP-30: a forged frame costs a list of digests and the block, at that receiver alone', () => {
  for (const repair of ['arq', 'fec'] as const) {
    const lab = createMctpLab({ repair });
    lab.available(0, 4);
    for (const node of all) lab.join(node);
    lab.forge('web-2', 2);
    lab.run(5000);
    assert.equal(facts(lab).filter(({ fact }) => fact === 'digests').length, 1);
    assert.deepEqual(ended(lab), { fact: 'ended', complete: all, unicast: [], failed: [] });
    assert.ok(
      frames(lab).every(({ block, sequence }) => block === 0 || sequence < 15),
      'no parity of it',
    );
  }
});

test('MCTP-24: a timeout that is due is over once it was called, also for a receiver that is complete long after it heard its sender', () => {
  const { session } = createMctpLab();
  const receiver = createMctpReceiver({
    now: 0,
    node: 'web-1',
    session,
    has: () => false,
    random: () => 0.5,
  });
  const blocks = [{ from: 0, to: 4 }];
  receiver.handle(0, { input: 'message', message: { type: 'fetch', session: session.session, blocks } });
  for (let block = 0; block < 4; block += 1) receiver.handle(9000, { input: 'verified', block });
  for (let now = 9000, calls = 0; receiver.nextTimeout() !== undefined; calls += 1) {
    assert.ok(calls < 10, `stands still at ${now}`);
    now = Math.max(now, receiver.nextTimeout() ?? now);
    receiver.onTimeout(now);
  }
});
