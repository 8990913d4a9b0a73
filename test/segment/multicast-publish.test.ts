// A large change goes to the members of a leader by multicast, once.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { until } from '../../src/plugins/testing/until.ts';
import { openBehindLab } from './behind-lab.ts';

const largeBytes = 12_000_000;

test('R7.1 N73 LEAD-100 LEAD-105: a large change is sent once to all members, and each has it whole', async (t) => {
  const lab = await openBehindLab(t, 4);
  const leader = await lab.allBehind();
  const large = randomBytes(largeBytes);
  await lab.publish({ 'large.bin': large });
  let seen = '';
  await until(
    () => `the session is over and all have it: ${seen}`,
    async () => {
      const [segment] = await lab.fleet.client.segments.list();
      seen = JSON.stringify(segment?.sessions);
      const [session] = segment?.sessions ?? [];
      return session !== undefined && !session.isRunning && session.receivers.complete === 3;
    },
    30_000,
  );
  const [segment] = await lab.fleet.client.segments.list();
  const [session] = segment?.sessions ?? [];
  assert.ok(segment !== undefined && session !== undefined);
  assert.equal(session.leader, leader);
  assert.deepEqual(session.incomplete, []);
  assert.equal(session.problem, null);
  assert.ok(
    session.sentBytes >= largeBytes && session.sentBytes < 1.5 * largeBytes,
    `${session.sentBytes} bytes`,
  );
  assert.deepEqual(segment.problems, []);
});
