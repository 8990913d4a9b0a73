// A multicast session that its leader can bring to no end is over at once, also one that is still being opened: nobody waits for it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blockBytes } from '../../model/assignment.ts';
import type { Sending, SendingOptions } from '../../net/mctp/mctp-session.ts';
import { createManualClock } from '../../net/testing/manual-clock.ts';
import type { TestScope } from '../../net/testing/temporary-directory.ts';
import { until } from '../../plugins/testing/until.ts';
import { kitAssignment, runKitCcm, urlMessage } from './testing/kit-ccm.ts';
import { joinMember, type KitMember, lead, startLeader } from './testing/leader-kit.ts';

/** A leader with two members; its sessions open when `opening` says so. */
async function startSessions(t: TestScope, opening: Promise<void>) {
  const sessions: SendingOptions[] = [];
  const stopped: number[] = [];
  const ccm = await runKitCcm(t);
  const kit = await startLeader(t, ccm, 'web-1', {
    clock: createManualClock(),
    multicast: {
      isUsable: () => true,
      mctp: {
        async send(options) {
          const session = sessions.push(options);
          await opening;
          const idle = { blocks: 2, sent: 0, frames: 0, repairFrames: 0, loss: 0, session, sentBytes: 0 };
          return {
            session,
            notice: () => ({}),
            joined: () => undefined,
            absent: () => undefined,
            available: () => undefined,
            limit: () => undefined,
            state: () => ({ ...idle, achievedBytesPerSecond: 0, receivers: [] }),
            async stop() {
              if (stopped.includes(session)) return;
              stopped.push(session);
              const over = { blocks: null, why: 'stopped', sentence: 'The session was stopped.' } as const;
              for (const node of options.receivers) options.onEvent({ type: 'unicast', node, ...over });
              const ended = { complete: [], unicast: options.receivers, failed: [], error: null };
              options.onEvent({ type: 'ended', ...ended });
            },
          } as unknown as Sending;
        },
      },
    },
  });
  lead(kit);
  const members: KitMember[] = [];
  const told: string[] = [];
  for (const node of ['m-0', 'm-1']) {
    const member = await joinMember(t, ccm, kit, node);
    members.push(member);
    member.socket.removeAllListeners('message');
    member.socket.on('message', (data) => {
      const { type } = JSON.parse(String(data)) as { type: string };
      if (type === 'fetchFromCcm' || type === 'multicastFetch') told.push(`${node} ${type}`);
    });
  }
  const relay = (message: ReturnType<typeof urlMessage>): void =>
    kit.leader.receive({ type: 'relay', nodes: ['m-0', 'm-1'], message });
  return { ccm, kit, members, sessions, stopped, told, relay };
}

test('LEAD-34 LEAD-102: when a leader cannot have the rest of an assignment, its session ends, and members are told to fetch', async (t) => {
  const { ccm, sessions, stopped, told, relay, kit } = await startSessions(t, Promise.resolve());
  const assignment = kitAssignment(600_000);
  const data = Buffer.from(assignment.data);
  data[3 * blockBytes] = (data[3 * blockBytes] as number) ^ 1;
  ccm.assignments.set(assignment.header.id, { ...assignment, data });
  ccm.gate.at = 2 * blockBytes;
  relay(urlMessage(assignment));
  await until('a session runs', () => kit.leader.status().multicast.length === 1);
  assert.deepEqual(stopped, []);
  ccm.gate.open();
  await until('all are told', () => told.length === 4);
  assert.deepEqual(told.sort(), [
    'm-0 fetchFromCcm',
    'm-0 multicastFetch',
    'm-1 fetchFromCcm',
    'm-1 multicastFetch',
  ]);
  assert.deepEqual(stopped, [1]);
  assert.deepEqual(kit.leader.status().multicast, []);
  ccm.assignments.set(assignment.header.id, assignment);
  relay(urlMessage(assignment));
  await until('the next word for it begins another one', () => sessions.length === 2);
});

test('LEAD-102: a session that is still being opened when the leader’s ends is stopped as soon as it is open', async (t) => {
  const opening = Promise.withResolvers<void>();
  const { ccm, sessions, stopped, relay, kit } = await startSessions(t, opening.promise);
  const assignment = kitAssignment(600_000);
  ccm.assignments.set(assignment.header.id, assignment);
  relay(urlMessage(assignment));
  await until('it is being opened', () => sessions.length === 1);
  kit.leader.linkDown();
  opening.resolve();
  await until('it is stopped', () => stopped.length === 1);
  assert.deepEqual(kit.leader.status().multicast, []);
});

test('LEAD-101: a member that is back after a restart gets a notice of the session that it was in, also when it is named alone; another one fetches', async (t) => {
  const { ccm, kit, members, sessions, relay } = await startSessions(t, Promise.resolve());
  const assignment = kitAssignment(600_000);
  ccm.assignments.set(assignment.header.id, assignment);
  relay(urlMessage(assignment));
  await until('a session runs', () => kit.leader.status().multicast.length === 1);
  const again: unknown[] = [];
  for (const [node, credentials] of [
    ['m-1', members[1]?.credentials],
    ['m-2', undefined],
  ] as const) {
    const member = await joinMember(t, ccm, kit, node, credentials);
    member.socket.removeAllListeners('message');
    member.socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as { type: string; multicast?: true; notice?: unknown };
      again.push([node, message.type, message.multicast ?? message.notice ?? null]);
    });
    kit.leader.receive({ type: 'relay', nodes: [node], message: urlMessage(assignment) });
  }
  await until('both are told', () => again.length === 3);
  assert.deepEqual(again, [
    ['m-1', 'work', true],
    ['m-1', 'multicast', {}],
    ['m-2', 'work', null],
  ]);
  assert.equal(sessions.length, 1);
});
