// Members are behind their leader, and take what is published from it; whoever is killed or restarted, it arrives.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { openBehindLab } from './behind-lab.ts';

test('R7 N38 LEAD-50 LEAD-53 LEAD-57: publishes to members behind their leader; the leader is killed, the CCM restarts, and all are behind a leader again', async (t) => {
  const lab = await openBehindLab(t, 3);
  const { fleet } = lab;
  const first = await lab.allBehind();
  await lab.publish({ 'index.html': 'one\n' });
  await lab.publish({ 'large.bin': randomBytes(3_000_000) });
  assert.equal(await lab.allBehind(), first, 'nobody left it');
  const [segment] = await fleet.client.segments.list();
  assert.ok(segment !== undefined);
  assert.ok(
    segment.rounds.every(({ missing, working }) => missing.length === 0 && working.length === 0),
    JSON.stringify(segment?.rounds),
  );
  assert.deepEqual(segment.problems, []);

  await fleet.restartAgent(lab.indexOf(first), 'SIGKILL');
  await lab.publish({ 'index.html': 'two\n' });
  await lab.allBehind();
  await fleet.restartCcm('SIGKILL');
  await lab.allBehind();
  await lab.publish({ 'index.html': 'three\n', 'large.bin': randomBytes(2_000_000) });
});
