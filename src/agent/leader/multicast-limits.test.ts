// A leader's multicast and its CCM: limits reach the sessions, whenever they come, and nothing is told that the CCM has not asked for on this link.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesPerMbit } from '../../model/rate-limit.ts';
import type { Sending, SendingOptions, SendingState } from '../../net/mctp/mctp-session.ts';
import { createManualClock } from '../../net/testing/manual-clock.ts';
import { until } from '../../plugins/testing/until.ts';
import { kitAssignment, runKitCcm, urlMessage } from './testing/kit-ccm.ts';
import { joinMember, lead, startLeader } from './testing/leader-kit.ts';

test('LEAD-80 LEAD-82 LEAD-83: a limit that comes while a session is opened holds for it; the CCM hears of sessions only where it has begun one', async (t) => {
  const limited: (number | null)[] = [];
  const sendings: SendingOptions[] = [];
  const opening = Promise.withResolvers<void>();
  const state: SendingState = {
    blocks: 2,
    sent: 1,
    frames: 10,
    repairFrames: 0,
    bytesPerSecond: 1,
    loss: 0,
    round: 1,
    receivers: [{ node: 'm-0', state: 'receiving', loss: 0 }],
    session: 7,
    assignment: 'a'.repeat(64),
    group: '239.255.84.1',
    port: 17_460,
    isUp: true,
    sentBytes: 1_000,
    sendErrors: 0,
    achievedBytesPerSecond: 1,
    dropped: {},
  };
  const ccm = await runKitCcm(t);
  const clock = createManualClock();
  const kit = await startLeader(t, ccm, 'web-1', {
    clock,
    multicast: {
      isUsable: () => true,
      mctp: {
        async send(options) {
          sendings.push(options);
          await opening.promise;
          const ended = { complete: [], unicast: [], failed: [], error: null };
          return {
            session: 7,
            notice: () => assert.fail('nobody is told here'),
            joined: () => undefined,
            absent: () => undefined,
            available: () => undefined,
            limit: (bytesPerSecond) => limited.push(bytesPerSecond),
            state: () => state,
            stop: async () => options.onEvent({ type: 'ended', ...ended }),
          } satisfies Sending;
        },
      },
    },
  });
  const { leader } = kit;
  const told = () => kit.saidOf('leaderSessions').flatMap(({ sessions }) => sessions);
  lead(kit);
  leader.receive({ type: 'leaderLimits', segment: { mbit: 80, hours: [] }, sites: {} });
  assert.equal(leader.status().bytesPerSecondMax, 80 * bytesPerMbit);
  const members = [await joinMember(t, ccm, kit, 'm-0'), await joinMember(t, ccm, kit, 'm-1')];
  const assignment = kitAssignment(200_000);
  ccm.assignments.set(assignment.header.id, assignment);
  leader.receive({ type: 'relay', nodes: members.map(({ node }) => node), message: urlMessage(assignment) });
  await until('a session is being opened', () => sendings.length === 1);
  assert.equal(sendings[0]?.bytesPerSecondMax, 80 * bytesPerMbit);
  leader.receive({ type: 'leaderLimits', segment: { mbit: 8, hours: [] }, sites: {} });
  assert.deepEqual(limited, [], 'there is nothing yet to be limited');
  for (const { socket } of members) socket.terminate();
  await until('they are gone', () => leader.status().members.length === 0);
  opening.resolve();
  await until('the session is limited', () => limited.length > 0);
  assert.equal(limited.at(-1), 8 * bytesPerMbit);
  clock.advance(0);
  assert.deepEqual(
    [told()[0]?.id, told()[0]?.isRunning, told()[0]?.bytesPerSecondMax],
    ['00000007', true, 8 * bytesPerMbit],
  );

  leader.linkDown();
  assert.equal(leader.status().bytesPerSecondMax, null);
  assert.deepEqual(leader.status().multicast, [], 'it has ended');
  clock.advance(10_000);
  assert.ok(
    told().every(({ isRunning }) => isRunning),
    'a new link has no session yet',
  );
  lead(kit, 'cd'.repeat(16));
  clock.advance(0);
  assert.deepEqual(
    told()
      .filter(({ isRunning }) => !isRunning)
      .map(({ id }) => id),
    ['00000007'],
  );
});
