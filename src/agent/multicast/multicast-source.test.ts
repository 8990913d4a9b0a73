// A member's side of multicast sessions, with a session that the test makes up: what a leader offers that nobody waits for, and what a session gives up.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import type { AssignmentHeader } from '../../model/assignment.ts';
import type { MctpNotice, Receiving, ReceivingOptions } from '../../net/mctp/mctp-session.ts';
import { createManualClock } from '../../net/testing/manual-clock.ts';
import { until } from '../../plugins/testing/until.ts';
import type { BlockRange } from '../../protocol/mctp/mctp-messages.ts';
import type { FetchedAssignment } from '../content/content-source.ts';
import { kitAssignment, urlMessage } from '../leader/testing/kit-ccm.ts';
import { blockOf } from '../leader/testing/leader-kit.ts';
import { silentLog } from '../session/agent-log.ts';
import { createMulticastSource } from './multicast-source.ts';

const { publicKey } = generateKeyPairSync('ed25519');
const never = new AbortController().signal;
const everything = [{ from: 0, to: 9 }];

function setUp() {
  const clock = createManualClock();
  const sessions: ReceivingOptions[] = [];
  const stopped: number[] = [];
  const fetched: number[][] = [];
  const answers: (readonly BlockRange[] | null)[] = [];
  const assignment = kitAssignment(1_000_000);
  const source = createMulticastSource({
    mctp: {
      async receive({ announcement: { session } }, options) {
        sessions.push(options);
        return {
          session,
          lacks: everything,
          written: () => undefined,
          state: () => assert.fail('nobody asks'),
          stop: async () => void stopped.push(session),
        } satisfies Receiving;
      },
    },
    hears: () => true,
    beside: {
      manifest: async () => assert.fail('the session has it'),
      async blocks(_, header: AssignmentHeader, missing, onBlock) {
        fetched.push([...missing]);
        for (const index of missing) await onBlock(index, blockOf(header, assignment.data, index));
      },
    },
    received: () => null,
    clock,
    log: silentLog,
  });
  const offer = (id: string, session: number): void => {
    const notice = { announcement: { session, manifestHashes: ['00'.repeat(32)] } } as unknown as MctpNotice;
    source.offered(id, notice, publicKey, (lacks) => void answers.push(lacks));
  };
  return { clock, sessions, stopped, fetched, answers, assignment, source, offer };
}

test('LEAD-105: a notice that comes when the assignment is taken another way already, or of which no work told, is answered with null', async () => {
  const { clock, sessions, answers, assignment, source, offer } = setUp();
  const message = urlMessage(assignment) as FetchedAssignment;
  source.expect(message.id);
  const late = source.manifest(message, never);
  clock.advance(59_000);
  offer('c'.repeat(64), 3);
  assert.deepEqual(answers, [null]);
  clock.advance(1_000);
  await assert.rejects(late, { code: 'CCM_UNREACHABLE' });
  offer(message.id, 1);
  offer('b'.repeat(64), 2);
  assert.deepEqual([answers, sessions], [[null, null, null], []]);
  await source.close();
});

test('LEAD-105: a leader makes a member take part in 16 sessions at once, and in none for more than a minute that nobody takes from', async () => {
  const { clock, sessions, stopped, answers, source, offer } = setUp();
  for (let n = 0; n < 20; n++) {
    const id = n.toString(16).padStart(64, '0');
    source.expect(id);
    offer(id, n);
  }
  await until('all are answered', () => answers.length === 20);
  assert.equal(sessions.length, 16);
  assert.equal(answers.filter((lacks) => lacks === null).length, 4);
  clock.advance(60_000);
  assert.equal(stopped.length, 16);
  source.expect('f'.repeat(64));
  offer('f'.repeat(64), 99);
  await until('there is room again', () => sessions.length === 17);
  await source.close();
});

test('LEAD-106: blocks that the session gives up in a datagram and over the connection are fetched once; the session goes on for more than a minute', async () => {
  const { clock, sessions, stopped, fetched, assignment, source, offer } = setUp();
  const { header, data, manifest } = assignment;
  const message = urlMessage(assignment) as FetchedAssignment;
  source.expect(message.id);
  offer(message.id, 7);
  await until('it takes part', () => sessions.length === 1);
  const [session] = sessions;
  assert.ok(session !== undefined);
  const opening = session.openSink(manifest);
  assert.deepEqual(await source.manifest(message, never), manifest);
  const got = new Map<number, Buffer>();
  const taken = source.blocks(
    message,
    header,
    [0, 1, 2, 3, 4, 5, 6, 7],
    async (index, block) => {
      assert.ok(!got.has(index));
      got.set(index, block);
    },
    never,
  );
  const sink = await opening;
  clock.advance(50_000);
  await sink.write(0, blockOf(header, data, 0));
  clock.advance(50_000);
  assert.deepEqual(stopped, []);
  const given = [{ from: 3, to: 5 }];
  session.onEvent({ type: 'fetch', blocks: given });
  source.fetch(7, given);
  await until('they are fetched', () => got.size === 3);
  assert.deepEqual(fetched, [[2, 3]]);
  for (const index of [1, 4, 5, 6, 7]) await sink.write(index, blockOf(header, data, index));
  session.onEvent({ type: 'complete' });
  await taken;
  assert.equal(got.size, 8);
  await source.close();
});

test('LEAD-106 JOB-14: from a session that goes on and brings nothing new for a minute, the next source takes over', async () => {
  const { clock, sessions, stopped, assignment, source, offer } = setUp();
  const { header, data, manifest } = assignment;
  const message = urlMessage(assignment) as FetchedAssignment;
  source.expect(message.id);
  offer(message.id, 7);
  await until('it takes part', () => sessions.length === 1);
  const waiting = source.manifest(message, never);
  await new Promise(setImmediate);
  clock.advance(60_000);
  await assert.rejects(waiting, { code: 'CCM_UNREACHABLE' });

  source.expect(message.id);
  offer(message.id, 8);
  await until('it takes part again', () => sessions.length === 2);
  const session = sessions[1] as ReceivingOptions;
  const opening = session.openSink(manifest);
  const got: number[] = [];
  const take = async (index: number): Promise<void> => void got.push(index);
  const taken = source.blocks(message, header, [0, 1], take, never);
  const sink = await opening;
  clock.advance(40_000);
  await sink.write(1, blockOf(header, data, 1));
  clock.advance(60_000);
  await assert.rejects(taken, { code: 'CCM_UNREACHABLE' });
  assert.deepEqual(got, [1]);
  assert.deepEqual(stopped, [7, 8], 'it takes part no more');
  await source.close();
});

test('LEAD-102: what a leader has a member fetch is bounded by what there is', async () => {
  const { sessions, fetched, assignment, source, offer } = setUp();
  const { header, manifest } = assignment;
  const message = urlMessage(assignment) as FetchedAssignment;
  source.expect(message.id);
  offer(message.id, 7);
  await until('it takes part', () => sessions.length === 1);
  void sessions[0]?.openSink(manifest);
  const backwards = { from: 9, to: 2 };
  for (let n = 0; n < 100; n++) source.fetch(7, [backwards, { from: 0, to: 0xffff_ffff }]);
  await source.blocks(message, header, [0, 1, 5], async () => undefined, never);
  assert.deepEqual(fetched, [[0, 1, 5]]);
  await source.close();
});
