// A session over real sockets to four processes, with loss both ways, and what happens to it on the way.

import assert from 'node:assert/strict';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import type { SessionFleet } from '../lab/mctp/session-fleet.ts';
import { sent, withFleet } from '../lab/mctp/with-fleet.ts';

const needs = ['netns', 'nft'];

async function ended(
  fleet: SessionFleet,
): Promise<{ complete: readonly string[]; unicast: readonly string[] }> {
  const { event } = await fleet.sender().until('sending-event', (said) => said.event.type === 'ended');
  assert.ok(event.type === 'ended');
  assert.equal(event.error, null);
  return event;
}

for (const repair of ['fec', 'arq'] as const) {
  testNeeding(
    needs,
    `X4 N16: four receivers that lose 5 % both ways are complete, by ${repair}`,
    async () => {
      await withFleet({ receivers: 4, lossPercent: 5, bytes: 8_000_000 }, async (fleet) => {
        await fleet.send({ repair, linkBytesPerSecond: 25_000_000 });
        assert.deepEqual([...(await ended(fleet)).complete].sort(), [...fleet.names]);
        for (const node of fleet.names) assert.ok(await fleet.isSame(node), node);
      });
    },
  );
}

testNeeding(
  needs,
  'R7.2: who joins in the middle gets all of it, and who is killed goes on with what it has',
  async () => {
    await withFleet({ receivers: 3, lossPercent: 2, bytes: 16_000_000 }, async (fleet) => {
      await fleet.send({ repair: 'fec', tellNow: ['node1', 'node2'], bytesPerSecondMax: 5_000_000 });
      await sent(fleet, 30);
      await fleet.restart('node1');
      await fleet.tell('node3');
      const { complete } = await ended(fleet);
      assert.deepEqual([...complete].sort(), [...fleet.names]);
      for (const node of fleet.names) assert.ok(await fleet.isSame(node), node);
      const before = await fleet.state('node1');
      const frames = before.receiving?.frames ?? 0;
      assert.ok(
        frames > 0 && frames < 21_000,
        `${frames} frames of 20,816 and their parity after the restart`,
      );
    });
  },
);

testNeeding(
  needs,
  'X4 N16: who hears no multicast fetches by unicast, the reason named, and one that loses half holds up nobody',
  async () => {
    await withFleet({ receivers: 3, lossPercent: 0, bytes: 4_000_000 }, async (fleet) => {
      await fleet.host('node1').loss(99.9);
      await fleet.host('node2').loss(50);
      await fleet.send({ repair: 'fec', linkBytesPerSecond: 25_000_000 });
      const { complete } = await ended(fleet);
      assert.ok(complete.includes('node3'));
      const { event } = await fleet
        .sender()
        .until('sending-event', (said) => said.event.type === 'unicast' && said.event.node === 'node1');
      assert.ok(event.type === 'unicast' && event.why === 'silent', JSON.stringify(event));
      assert.match(event.sentence, /^node1 fetches by unicast: nothing is heard of it/);
      assert.ok(await fleet.isSame('node3'));
    });
  },
);

testNeeding(
  needs,
  'N18: a member that forges a frame of each block gets none of its bytes in, and all are complete',
  async () => {
    await withFleet({ receivers: 3, lossPercent: 0, bytes: 12_000_000 }, async (fleet) => {
      await fleet.send({ repair: 'fec', tellNow: ['node1', 'node2'], bytesPerSecondMax: 4_000_000 });
      const rogue = fleet.forge('node3', { hasKey: true, frames: 92, framesPerSecond: 2_000 });
      await rogue;
      await fleet.tell('node3');
      const { complete, unicast } = await ended(fleet);
      assert.deepEqual([...complete, ...unicast].sort(), [...fleet.names]);
      for (const node of fleet.names) {
        await fleet.receiver(node).until('receiving-event', ({ event }) => event.type === 'complete');
        assert.ok(await fleet.isSame(node), node);
      }
    });
  },
);
