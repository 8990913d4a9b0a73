// What becomes of receivers whose sender is killed.

import assert from 'node:assert/strict';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { sent, withFleet } from '../lab/mctp/with-fleet.ts';

testNeeding(
  ['netns', 'nft'],
  'N15: a sender that is killed leaves nobody waiting: its receivers are told to fetch the rest',
  async () => {
    await withFleet({ receivers: 2, lossPercent: 0, bytes: 20_000_000 }, async (fleet) => {
      await fleet.send({ repair: 'fec', bytesPerSecondMax: 5_000_000 });
      await sent(fleet, 20);
      fleet.sender().child.kill('SIGKILL');
      for (const node of fleet.names) {
        const { event } = await fleet
          .receiver(node)
          .until('receiving-event', (said) => said.event.type === 'ended');
        assert.ok(event.type === 'ended' && event.how === 'abandoned');
      }
    });
  },
);
