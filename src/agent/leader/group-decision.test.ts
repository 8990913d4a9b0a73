// A decision goes to the whole group only where it is for all members: nobody switches before its turn.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SignedDecision } from '../../model/receipt.ts';
import { until } from '../../plugins/testing/until.ts';
import { runKitCcm } from './testing/kit-ccm.ts';
import { connectMember, joinMember, type KitMember, lead, startLeader } from './testing/leader-kit.ts';

test('LEAD-61 JOB-19: a decision for some of the members is said to them alone; one for all who are behind goes to the group as well', async (t) => {
  const said: number[] = [];
  const ccm = await runKitCcm(t);
  const kit = await startLeader(t, ccm, 'web-1', {
    onDecision: ({ release }) => void said.push(release.sequence),
  });
  lead(kit);
  const members: KitMember[] = [];
  for (const node of ['m-0', 'm-1', 'm-2']) members.push(await joinMember(t, ccm, kit, node));
  const decide = (sequence: number, nodes: readonly string[]): void => {
    const decision: SignedDecision = {
      version: 1,
      site: 'shop',
      release: { epoch: 1, sequence },
      kind: 'commit',
      fromTree: null,
      toTree: 'a'.repeat(40),
      decidedAt: 1,
      signature: `${'A'.repeat(86)}==`,
    };
    kit.leader.receive({ type: 'relay', nodes, message: { type: 'decision', decision } });
  };
  decide(1, ['m-0', 'm-1']);
  decide(2, ['m-2']);
  assert.deepEqual(said, []);
  decide(3, ['m-0', 'm-1', 'm-2', 'elsewhere']);
  assert.deepEqual(said, [3]);
  // Who is not behind this node takes no decision from it.
  await connectMember(t, ccm, kit, 'm-3');
  await until('it is connected', () => kit.leader.status().members.length === 4);
  decide(4, ['m-0', 'm-1', 'm-2']);
  assert.deepEqual(said, [3, 4]);
  const works = () => members.map((member) => member.receivedOf('work').length);
  await until('each was told its own', () => works().join() === '3,3,3');
});
