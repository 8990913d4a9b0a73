// What becomes of what a leader holds when the leader is started again or another one leads, when nobody needs it any more, and when the disk is full.

import assert from 'node:assert/strict';
import { closeSync, openSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { blockCount } from '../../assignment/block-layout.ts';
import { blockBytes } from '../../model/assignment.ts';
import { testNeeding } from '../../plugins/testing/test-needing.ts';
import { until } from '../../plugins/testing/until.ts';
import { mountTmpfs } from '../testing/small-disk.ts';
import { kitAssignment, kitTicket, runKitCcm, urlMessage } from './testing/kit-ccm.ts';
import {
  ask,
  fetchWhole,
  heldBy,
  inboxOf,
  joinMember,
  lead,
  leadMembers,
  relayFilesOf,
  startLeader,
} from './testing/leader-kit.ts';

test('N75 LEAD-36: a leader that is started again goes on at the block where it was, and a block that was spoilt meanwhile comes again', async (t) => {
  const { ccm, leader, relay } = await leadMembers(t, 1);
  const assignment = kitAssignment(3_000_000);
  const { id } = assignment.header;
  ccm.assignments.set(id, assignment);
  ccm.gate.at = 10 * blockBytes;
  relay(urlMessage(assignment));
  await until('ten blocks are here', () => heldBy(leader) === 10);
  await leader.leader.close();
  await until('the CCM gives nothing any more', () => ccm.answering() === 0);
  ccm.gate.open();
  const file = openSync(join(leader.directory, 'relay', `${id}.data`), 'r+');
  writeSync(file, Buffer.from('spoilt'), 0, 6, 4 * blockBytes);
  closeSync(file);
  const before = ccm.served();
  const again = await startLeader(t, ccm, 'web-1', { directory: leader.directory });
  lead(again);
  const member = await joinMember(t, ccm, again, 'm-0');
  // Before anybody says so, what is here is given to others.
  const held = await ask(ccm, again, member.credentials, `/assignments/${id}/held`, {
    authorization: `Ticket ${kitTicket({ assignment: id })}`,
  });
  const bits = Buffer.from((JSON.parse(held.body.toString()) as { held: string }).held, 'base64');
  assert.deepEqual([bits[0], bits[1]], [0b11101111, 0b11]);
  again.leader.receive({ type: 'relay', nodes: ['m-0'], message: urlMessage(assignment) });
  await until('it is whole', () => heldBy(again) === blockCount(assignment.header));
  assert.equal(ccm.served() - before, assignment.data.length - 9 * blockBytes);
  const ticket = kitTicket({ assignment: id });
  assert.ok(
    (await fetchWhole(t, ccm, again, member.credentials, assignment, ticket)).equals(assignment.data),
  );
});

test('N76 LEAD-35: a successor takes from members what they hold, and from the CCM only what nobody has', async (t) => {
  const ccm = await runKitCcm(t);
  const assignment = kitAssignment(3_000_000);
  const { header } = assignment;
  ccm.assignments.set(header.id, assignment);
  const successor = await startLeader(t, ccm, 'web-1');
  const [first, second, gone] = [
    await startLeader(t, ccm, 'm-1'),
    await startLeader(t, ccm, 'm-2'),
    await startLeader(t, ccm, 'm-3'),
  ];
  first.inboxes.set(
    header.id,
    inboxOf(assignment, (index) => index < 10),
  );
  // It lies: its blocks are refused, and come from the CCM.
  const lying = { ...assignment, data: Buffer.alloc(assignment.data.length) };
  second.inboxes.set(
    header.id,
    inboxOf(lying, (index) => index >= 10 && index < 13),
  );
  lead(successor);
  for (const { credentials, port } of [first, second, gone]) {
    successor.others.push({ node: credentials.node, address: '127.0.0.1', port });
    await joinMember(t, ccm, successor, credentials.node, credentials);
  }
  // One that is listed and not there is not waited for.
  successor.others.push({ node: 'm-4', address: '192.0.2.1', port: 17_447 });
  await gone.leader.close();
  await joinMember(t, ccm, successor, 'm-9');
  successor.leader.receive({ type: 'relay', nodes: ['m-9'], message: urlMessage(assignment) });
  await until('it is whole', () => heldBy(successor) === blockCount(header));
  assert.equal(successor.leader.status().contents[0]?.fromMembers, 10);
  assert.equal(ccm.served(), assignment.data.length - 10 * blockBytes);
});

test('LEAD-31: what the inbox of one of its own sites has is not fetched again', async (t) => {
  const { ccm, leader, relay } = await leadMembers(t, 1);
  const assignment = kitAssignment(1_000_000);
  ccm.assignments.set(assignment.header.id, assignment);
  leader.inboxes.set(
    assignment.header.id,
    inboxOf(assignment, (index) => index !== 2),
  );
  relay(urlMessage(assignment));
  await until('it is whole', () => heldBy(leader) === blockCount(assignment.header));
  assert.equal(ccm.served(), blockBytes);
});

test('LEAD-34: what nobody asks for any more is removed, at start what is old or strange too', async (t) => {
  const ccm = await runKitCcm(t);
  const leader = await startLeader(t, ccm, 'web-1', { limits: { keepMs: 300 } });
  lead(leader);
  await joinMember(t, ccm, leader, 'm-1');
  const assignment = kitAssignment(300_000);
  ccm.assignments.set(assignment.header.id, assignment);
  leader.leader.receive({ type: 'relay', nodes: ['m-1'], message: urlMessage(assignment) });
  await until('it is here', () => heldBy(leader) === blockCount(assignment.header));
  assert.equal(relayFilesOf(leader).length, 2);
  await until('it is removed', () => relayFilesOf(leader).length === 0);
  assert.deepEqual(leader.leader.status().contents, []);
  await leader.leader.close();

  const relay = join(leader.directory, 'relay');
  const [old, orphan, young] = ['a', 'b', 'c'].map((digit) => digit.repeat(64));
  for (const name of [
    `${old}.manifest`,
    `${old}.data`,
    `${orphan}.data`,
    'strange',
    `${young}.manifest`,
    `${young}.data`,
  ])
    writeFileSync(join(relay, name), 'x');
  for (const name of [`${old}.manifest`, `${old}.data`]) utimesSync(join(relay, name), 1, 1);
  const again = await startLeader(t, ccm, 'web-1', { directory: leader.directory });
  await until('the old ones are gone', () => relayFilesOf(again).length === 2);
  assert.deepEqual(relayFilesOf(again), [`${young}.data`, `${young}.manifest`]);
});

testNeeding(
  ['tmpfs'],
  'N39 LEAD-34: on a full disk the leader says so, members fetch from the CCM, nothing is left; with room again it leads content again, and old ones make way',
  async (t) => {
    const ccm = await runKitCcm(t);
    const disk = mountTmpfs(t, { bytes: 8_000_000, inodes: 100 });
    const leader = await startLeader(t, ccm, 'web-1', { directory: disk.directory });
    lead(leader);
    const member = await joinMember(t, ccm, leader, 'm-1');
    const publish = (bytes: number) => {
      const assignment = kitAssignment(bytes);
      ccm.assignments.set(assignment.header.id, assignment);
      leader.leader.receive({ type: 'relay', nodes: ['m-1'], message: urlMessage(assignment) });
      return assignment.header.id;
    };
    const large = publish(5_000_000);
    await until('the CCM is told', () => leader.saidOf('leaderProblem').length === 1);
    assert.deepEqual(leader.saidOf('leaderProblem')[0]?.error.code, 'SPACE_INSUFFICIENT');
    assert.equal(ccm.served(), 0, 'what has no room is not begun');
    await until('the member is told', () => member.receivedOf('fetchFromCcm')[0]?.assignment === large);
    await until('nothing is left', () => relayFilesOf(leader).length === 0);

    // Filled by somebody else while it comes in.
    ccm.gate.at = blockBytes;
    publish(2_000_000);
    await until('the first block is here', () => heldBy(leader) === 1);
    disk.fill();
    ccm.gate.open();
    await until('the CCM is told', () => leader.saidOf('leaderProblem').length === 2);
    assert.deepEqual(leader.saidOf('leaderProblem')[1]?.error.code, 'SPACE_INSUFFICIENT');
    await until('nothing is left', () => relayFilesOf(leader).length === 0);

    disk.empty();
    const kept = () =>
      relayFilesOf(leader)
        .filter((name) => name.endsWith('.data'))
        .map((name) => name.slice(0, 64));
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) {
      ids.push(publish(1_500_000));
      await until('it is here', () =>
        leader.leader
          .status()
          .contents.some(({ assignment, held, blocks }) => assignment === ids[n] && held === blocks),
      );
    }
    assert.equal(leader.saidOf('leaderProblem').length, 2);
    assert.deepEqual(kept().sort(), ids.slice(1).sort());
  },
);

testNeeding(
  ['tmpfs'],
  'LEAD-34: two assignments that come in at once share the room; which of them does not fit whole is not begun',
  async (t) => {
    const ccm = await runKitCcm(t);
    const disk = mountTmpfs(t, { bytes: 8_000_000, inodes: 100 });
    const leader = await startLeader(t, ccm, 'web-1', { directory: disk.directory });
    lead(leader);
    await joinMember(t, ccm, leader, 'm-1');
    ccm.gate.at = blockBytes;
    const ids = [2_500_000, 2_500_000, 1_000_000].map((bytes) => {
      const assignment = kitAssignment(bytes);
      ccm.assignments.set(assignment.header.id, assignment);
      leader.leader.receive({ type: 'relay', nodes: ['m-1'], message: urlMessage(assignment) });
      return assignment.header.id;
    });
    await until('one is refused', () => leader.saidOf('leaderProblem').length > 0);
    const [problem] = leader.saidOf('leaderProblem');
    assert.equal(problem?.error.code, 'SPACE_INSUFFICIENT');
    assert.ok(ids.slice(0, 2).includes(problem.assignment));
    ccm.gate.open();
    const isHere = ({ held, blocks }: { held: number; blocks: number }): boolean => held === blocks;
    await until('the others are here', () => leader.leader.status().contents.filter(isHere).length === 2);
    assert.equal(leader.saidOf('leaderProblem').length, 1);
  },
);
