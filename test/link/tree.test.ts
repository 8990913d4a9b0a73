// A whole CCM and leaders of three segments that say what the test has them say: a push goes from one to the next, and goes on after the CCM was started anew.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { TreeResource } from '../../src/model/api.ts';
import { leaderProfile } from '../../src/model/leader-messages.ts';
import { segmentProfile } from '../../src/model/segment-messages.ts';
import { treeProfile } from '../../src/model/tree-messages.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { createAuthor } from '../lab/author.ts';
import { segmentCcm } from './segment-ccm.ts';
import type { SegmentNode } from './segment-node.ts';

const hello = { profiles: ['linux-web-1', segmentProfile, leaderProfile, treeProfile] };
const names = ['web1', 'web2', 'web3'];

test('R6.2 TREE-91 TREE-95 TREE-96 N46: a push goes by the tree, is shown by the API, and goes on after the CCM was started anew', async (t) => {
  const lab = await segmentCcm(t);
  const { client, connect } = lab;
  const lead = async (name: string, isNew: boolean): Promise<SegmentNode> => {
    const node = await connect(name, isNew, hello);
    node.report([]);
    await node.until('leaderSession');
    return node;
  };
  const leaders = new Map<string, SegmentNode>();
  for (const name of names) leaders.set(name, await lead(name, true));
  assert.equal((await client.segments.list()).length, 3);
  await client.groups.setOrder('all', ['web3']);
  // Decided as soon as it is built: such a job goes on, while an undecided one begins anew (JOB-17).
  await client.sites.create({ name: 'shop', policy: { autonomous: true } });
  for (const node of leaders.values()) await node.until('grant');
  const author = await createAuthor();
  t.after(() => author.remove());
  const url = new URL(lab.ccm.git('shop'));
  url.username = 'author';
  url.password = lab.token;
  await author.write('large.bin', randomBytes(2_000_000));
  await author.commit();
  const pushing = author.push(url.href).catch(() => undefined);

  const of = (name: string): SegmentNode => leaders.get(name) as SegmentNode;
  const [first, ...others] = ['web3', 'web1', 'web2'] as const;
  const { handOut } = await of(first).until('handOut');
  assert.equal(handOut.sources[0]?.node, null, 'the operator’s first has it from the CCM');
  for (const name of names) {
    const { ccm, assignment } = await of(name).until('treeExpect');
    assert.deepEqual([ccm, assignment], [handOut.ccm, handOut.assignment]);
    await of(name).until('assignment');
    const order = of(name).received.map(({ type }) => type);
    assert.ok(order.indexOf('treeExpect') < order.indexOf('assignment'));
  }
  const blocks = Math.ceil(handOut.dataBytes / 131_072);
  const { ccm, assignment } = handOut;
  const say = (name: string, message: object): void => of(name).say({ ccm, assignment, ...message });
  const state = (name: string, more: object): void =>
    say(name, { type: 'treeState', blocks, figures: [], error: null, ...more });
  const [{ id: job } = { id: '' }] = await client.jobs.list();
  const shown = async (name: string) => {
    const tree: TreeResource = await client.trees.get(job);
    return tree.assignments[0]?.leaders.find(({ node }) => node === name);
  };
  state(first, { state: 'fetching', number: handOut.number, heldBlocks: 1 });
  say(first, { type: 'treeNext', heldBlocks: 1, room: 1, unreached: [] });
  const { next } = await of(first).until('treeNextAnswer');
  const figures = [{ node: null, bytes: handOut.dataBytes, ms: 200, delayMs: 3 }];
  state(first, { state: 'held', number: handOut.number, heldBlocks: blocks, figures });
  await until('it holds it', async () => (await shown(first))?.state === 'held');
  const held = await shown(first);
  assert.deepEqual(held?.transfers, [{ ...figures[0], bytesPerSecond: handOut.dataBytes * 5 }]);
  assert.deepEqual(held?.nodes, { wanted: 1, held: 0, staged: 0, live: 0, failed: 0 });
  assert.deepEqual(
    held?.children,
    next.map(({ node }) => node),
  );

  await lab.restart();
  await pushing;
  for (const name of names) leaders.set(name, await connect(name, false, hello));
  const handOutTo = (name: string) =>
    names
      .flatMap((each) => [
        ...of(each).got('handOut'),
        ...of(each)
          .got('treeNextAnswer')
          .flatMap((answer) => answer.next),
      ])
      .find((each) => each.handOut.node === name)?.handOut;
  for (const name of [first, ...others]) {
    // What it is to fetch waits until it leads again.
    of(name).report([]);
    await of(name).until('assignment');
    const order = of(name).received.map(({ type }) => type);
    assert.ok(order.indexOf('leaderSession') < order.indexOf('treeExpect'));
    assert.ok(order.indexOf('treeExpect') < order.indexOf('assignment'));
    assert.equal(of(name).got('assignment').length, 1);
    const again = await of(name).until('treeExpect');
    assert.deepEqual([again.ccm, again.assignment], [ccm, assignment]);
    if (name === first) state(name, { state: 'held', number: handOut.number, heldBlocks: blocks });
    else {
      await until(`${name} is handed out to`, () => {
        say(first, { type: 'treeNext', heldBlocks: blocks, room: 2, unreached: [] });
        return handOutTo(name) !== undefined;
      });
      const number = handOutTo(name)?.number ?? 0;
      assert.ok(number > handOut.number, 'above the former numbers');
      state(name, { state: 'held', number, heldBlocks: blocks });
    }
    await until('it is known to hold it', async () => (await shown(name))?.state === 'held');
  }
  await until(
    'it is complete',
    async () => (await client.trees.get(job)).assignments[0]?.completedAt != null,
  );
});
