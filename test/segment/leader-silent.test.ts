// A leader that is stopped for a while, and one whose cable is cut: another follows, the former one yields when it is back, and the CCM and the members
// never have two.

import assert from 'node:assert/strict';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { createSegmentFleet } from '../lab/segment-fleet.ts';

testNeeding(
  ['netns'],
  'SEG-2 ELEC-17 N38: a leader that was stopped, or cut off, until all took it for gone, yields to its successor',
  async (t) => {
    const lab = await createSegmentFleet(5);
    t.after(lab.close);
    await lab.settled();
    await lab.moved();

    const silences = [
      { begin: async (node: string) => lab.stop(node), end: async (node: string) => lab.resume(node) },
      { begin: lab.cut, end: lab.heal },
    ];
    for (const { begin, end } of silences) {
      const former = (await lab.settled()).leader?.node as string;
      const from = Date.now();
      await begin(former);
      const { leader } = await lab.until(
        `another leads than ${former}, and that one is offline, for ten seconds in all`,
        (segment) =>
          Date.now() - from >= 10_000 &&
          segment.leader !== null &&
          segment.leader.node !== former &&
          segment.members.some(({ node, state }) => node === former && state === 'offline'),
      );
      await end(former);
      const after = await lab.settled();
      assert.deepEqual(after.leader?.node, leader?.node, 'who comes back deposes nobody');
      assert.deepEqual(after.leader?.term, leader?.term);
      assert.deepEqual(after.refused, []);
      const said = (await lab.sayings()).get(former)?.at(-1);
      assert.equal(said?.leader, leader?.node);
    }
    assert.equal(await lab.secondLeaders(), 0);
    const left = (await lab.events()).filter(({ kind }) => kind === 'segment.memberLeft');
    assert.deepEqual(left, []);
  },
);
