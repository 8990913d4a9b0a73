// Whoever is behind a leader no longer is out of its multicast session at once, however it went, so that nobody waits for it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Sending } from '../../net/mctp/mctp-session.ts';
import { createManualClock } from '../../net/testing/manual-clock.ts';
import { until } from '../../plugins/testing/until.ts';
import { kitAssignment, runKitCcm, urlMessage } from './testing/kit-ccm.ts';
import { joinMember, lead, startLeader } from './testing/leader-kit.ts';

test('LEAD-100: a member that is told to call, is refused, connects anew or goes, also while the session is being opened, is absent from it', async (t) => {
  const absent: string[] = [];
  const opening = Promise.withResolvers<void>();
  let asked = 0;
  const ccm = await runKitCcm(t);
  const kit = await startLeader(t, ccm, 'web-1', {
    // Nobody is told how the session stands.
    clock: createManualClock(),
    multicast: {
      isUsable: () => true,
      mctp: {
        async send() {
          asked += 1;
          await opening.promise;
          const notice = {};
          const idle = {
            blocks: 2,
            sent: 0,
            frames: 0,
            repairFrames: 0,
            loss: 0,
            session: 7,
            sentBytes: 0,
            achievedBytesPerSecond: 1,
          };
          return {
            session: 7,
            notice: () => notice,
            joined: () => undefined,
            absent: (node: string) => absent.push(node),
            available: () => undefined,
            limit: () => undefined,
            state: () => ({ ...idle, receivers: [] }),
            stop: async () => undefined,
          } as unknown as Sending;
        },
      },
    },
  });
  const { leader } = kit;
  lead(kit);
  const members = [];
  for (let n = 0; n < 6; n++) members.push(await joinMember(t, ccm, kit, `m-${n}`));
  const assignment = kitAssignment(200_000);
  ccm.assignments.set(assignment.header.id, assignment);
  for (const member of members) member.socket.removeAllListeners('message');
  leader.receive({ type: 'relay', nodes: members.map(({ node }) => node), message: urlMessage(assignment) });
  await until('the session is being opened', () => asked === 1);
  members[0]?.socket.terminate();
  await until('it is gone', () => leader.status().members.length === 5);
  assert.deepEqual(absent, []);
  opening.resolve();
  await until('who went meanwhile is absent', () => absent.length === 1);
  leader.receive({ type: 'relayAnswer', node: 'm-1', answer: 'call', error: null });
  leader.receive({ type: 'relayAnswer', node: 'm-2', answer: 'refused', error: null });
  leader.receive({ type: 'relayAnswer', node: 'm-5', answer: 'behind', error: null });
  assert.deepEqual(absent, ['m-0', 'm-1', 'm-2']);
  await joinMember(t, ccm, kit, 'm-3', members[3]?.credentials);
  assert.deepEqual(absent, ['m-0', 'm-1', 'm-2', 'm-3']);
  members[4]?.socket.terminate();
  await until('it is absent', () => absent.length === 5);
  assert.equal(absent.at(-1), 'm-4');
});
