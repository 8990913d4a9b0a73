// Whether a leader serves others beside its own segment or behind it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../plugins/testing/until.ts';
import { kitAssignment, urlMessage } from '../leader/testing/kit-ccm.ts';
import { joinMember, lead } from '../leader/testing/leader-kit.ts';
import { expectIt, handOut, sourcesFrom, startTree, stateOf } from './testing/tree-kit.ts';

test('TREE-57: by the order `segment` a leader asks for others to serve only when its members have reported', async (t) => {
  const { ccm, start } = await startTree(t);
  const assignment = kitAssignment(500_000);
  ccm.assignments.set(assignment.header.id, assignment);
  const limits = { pingIntervalMs: 50 };
  const leader = await start('gl-1', { treeOrder: 'segment', limits });
  lead(leader);
  const member = await joinMember(t, ccm, leader, 'm-1');
  expectIt(leader, assignment);
  leader.leader.receive({ type: 'relay', nodes: ['m-1'], message: urlMessage(assignment) });
  handOut(leader, assignment, sourcesFrom(null));
  await until('it is held', () => stateOf(leader) === 'held');
  await until('the member was told', () => member.receivedOf('work').length > 0);
  const round = member.receivedOf('work')[0]?.round?.id;
  assert.ok(round !== undefined);
  assert.equal(leader.leader.status().rounds.length, 1);
  assert.deepEqual(leader.saidOf('treeNext'), []);
  member.say({ type: 'report', round, frame: member.frame('staged') });
  await until('it asks for the next', () => leader.saidOf('treeNext').length > 0);
  assert.deepEqual(leader.leader.status().rounds, []);
});
