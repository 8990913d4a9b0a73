// SIGKILL of the CCM behind each thing that it writes down of segments: the next start has the same segment, its nodes and a leader.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connectSegmentNode, type SegmentNode } from '../link/segment-node.ts';
import { createSeparateFleet, type SeparateFleet } from './support/separate-fleet.ts';

let fleet: SeparateFleet;
const nodes: SegmentNode[] = [];

before(async () => {
  fleet = await createSeparateFleet();
});
after(async () => {
  for (const { socket } of nodes) socket.terminate();
  await fleet.close();
});

async function connect(name: string, token?: string): Promise<SegmentNode> {
  const node = await connectSegmentNode(name, join(fleet.directory, name), token);
  nodes.push(node);
  return node;
}

const points = [
  'ccm.segment.made',
  'ccm.segment.node-placed',
  'ccm.segment.leader-accepted',
  'ccm.segment.reported',
];

for (const [index, point] of points.entries()) {
  test(`SEG-4 N26: killed at ${point}, the CCM has one segment with both nodes after the next report`, async () => {
    const [one, two] = [`one${index}`, `two${index}`];
    await fleet.ccm.start({ TREECAST_FAILPOINT: point });
    const tokens = [await fleet.client().joinTokens.create(), await fleet.client().joinTokens.create()];
    const leader = await connect(one, tokens[0]?.token);
    (await connect(two, tokens[1]?.token)).state({ leader: one });
    leader.report([two]);
    await fleet.ccm.ended();

    await fleet.ccm.start();
    const [again, other] = [await connect(one), await connect(two)];
    other.state({ leader: one });
    again.report([two]);
    await again.until('segmentVerdict', ({ accepted }) => accepted?.leader === one);
    await other.until('segment', ({ others }) => others === 1);
    const segments = (await fleet.client().segments.list()).filter(({ members }) =>
      members.some(({ node }) => node === one),
    );
    assert.deepEqual(
      segments.map((segment) => [segment.leader?.node, segment.members.map(({ node }) => node)]),
      [[one, [one, two]]],
    );
    await fleet.ccm.end();
  });
}
