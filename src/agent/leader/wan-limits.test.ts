// TREE-70 TREE-71: a segment port gives nodes of other segments what the limit lets through, and its own what they ask for; real TLS, a clock that
// the test moves.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blockCount } from '../../assignment/block-layout.ts';
import type { EncodedAssignment } from '../../assignment/encode-assignment.ts';
import { createManualClock, type ManualClock } from '../../net/testing/manual-clock.ts';
import { issueNodeCredentials } from '../../net/testing/node-credentials.ts';
import { until } from '../../plugins/testing/until.ts';
import { expectIt, handOut, placeOf, sourcesFrom, startTree } from '../tree/testing/tree-kit.ts';
import { kitAssignment, kitTicket, runKitCcm, urlMessage } from './testing/kit-ccm.ts';
import { ask, heldBy, joinMember, lead, startLeader } from './testing/leader-kit.ts';

const megabyte = 1_000_000;
const eight = { mbit: 8, hours: [] };
const limits = { type: 'leaderLimits', segment: null, sites: {} } as const;
const blocksOf = ({ header }: EncodedAssignment): number => blockCount(header);

/** Time passes only while somebody waits for a limit: other waits are longer. */
async function passUntil(clock: ManualClock, condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise(setImmediate);
    const [next] = clock.waiting();
    if (next !== undefined && next <= 40) clock.advance(next);
  }
}

test('TREE-71 TREE-74 X19 N46: another segment’s leader waits for the limit, a change holds at once, and members of the own segment never wait', async (t) => {
  const clock = createManualClock(Date.parse('2026-11-28T12:00:00Z'));
  const ccm = await runKitCcm(t);
  const leader = await startLeader(t, ccm, 'web-1', { clock });
  lead(leader);
  const member = await joinMember(t, ccm, leader, 'm-1');
  const assignment = kitAssignment(2 * megabyte);
  const { id, site } = assignment.header;
  ccm.assignments.set(id, assignment);
  leader.leader.receive({ type: 'relay', nodes: ['m-1'], message: urlMessage(assignment) });
  await until('the leader has all of it', () => heldBy(leader) === blocksOf(assignment));

  leader.leader.receive({ ...limits, wan: { segment: eight, sites: {} } });
  const far = await issueNodeCredentials(ccm.certificates, 'far-1');
  const get = (as: typeof far, fetcher: string) =>
    ask(ccm, leader, as, `/assignments/${id}/data`, {
      authorization: `Ticket ${kitTicket({ assignment: id, fetcher })}`,
    }).then(({ body }) => body.equals(assignment.data));
  let isDone = false;
  const coming = get(far, 'far-1').finally(() => {
    isDone = true;
  });
  const startedAt = clock.now();
  assert.ok(await get(member.credentials, 'm-1'), 'no time has passed');
  await passUntil(clock, () => isDone || clock.now() - startedAt >= megabyte / 1_000);
  assert.ok(!isDone, 'the half of it at most');
  leader.leader.receive({ ...limits, wan: { segment: eight, sites: { [site]: { mbit: 4, hours: [] } } } });
  await passUntil(clock, () => isDone);
  const tookMs = clock.now() - startedAt;
  assert.ok(await coming);
  assert.ok(tookMs >= 2_800 && tookMs <= 3_200, `one second of 8 Mbit/s, two of the site’s 4: ${tookMs} ms`);
});

test('TREE-70 TREE-71 X19: what a leader fetches, from the CCM or from another leader, waits for the limit as well, and no source is blamed for it', async (t) => {
  const { ccm, start } = await startTree(t);
  const source = await start('web-1');
  const assignment = kitAssignment(150_000);
  ccm.assignments.set(assignment.header.id, assignment);
  expectIt(source, assignment);
  handOut(source, assignment, sourcesFrom(null));
  await until('the source has it', () => heldBy(source) === blocksOf(assignment));

  for (const [node, from] of [
    ['web-2', null],
    ['web-3', placeOf(source)],
  ] as const) {
    const leader = await start(node);
    lead(leader);
    leader.leader.receive({ ...limits, wan: { segment: { mbit: 1.2, hours: [] }, sites: {} } });
    const startedAt = performance.now();
    expectIt(leader, assignment);
    handOut(leader, assignment, sourcesFrom(from));
    await until('it has all', () => heldBy(leader) === blocksOf(assignment));
    // What comes last is waited for behind it: a piece of what TLS brings at once.
    const leastMs = 1_000 * ((assignment.data.length - 65_536) / 150_000);
    assert.ok(performance.now() - startedAt >= leastMs, `${node}: ${performance.now() - startedAt} ms`);
    assert.deepEqual(leader.saidOf('treeSourceLost'), []);
  }
});
