// Whole agents that share a LAN with others: two segments named by their join tokens, somebody who sends garbage and says again what he recorded,
// and a network that stops carrying multicast.

import assert from 'node:assert/strict';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import type { LanHost } from '../lab/lan.ts';
import { createSegmentFleet, type SegmentFleet } from '../lab/segment-fleet.ts';
import { firewall, multicastIn } from './lan-nodes.ts';

const east = ['node1', 'node2', 'node3'];
const west = ['node4', 'node5'];

/** Records what the group hears for a while, says each of it again four times, and garbage between. */
const stranger = (address: string): string => `
  const { createSocket } = process.getBuiltinModule('node:dgram');
  const { randomBytes } = process.getBuiltinModule('node:crypto');
  const [group, port] = ['239.255.84.67', 17446];
  const heard = [];
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  socket.on('message', (bytes) => {
    if (heard.push(bytes) !== 12) return;
    socket.removeAllListeners('message');
    const noise = Array.from({ length: 200 }, (_, index) => {
      const bytes = randomBytes(20 + index);
      if (index % 2 === 0) bytes.set([0x54, 0x63, 0x53, 1]);
      return bytes;
    });
    const queue = [...heard, ...noise, ...heard, ...heard, ...heard];
    const next = () => (queue.length === 0 ? socket.close() : socket.send(queue.shift(), port, group, next));
    next();
  });
  socket.bind(port, group, () => {
    socket.addMembership(group, '${address}');
    socket.setMulticastInterface('${address}');
    socket.setMulticastLoopback(false);
  });
`;

testNeeding(
  ['netns', 'nft'],
  'SEG-5 CHAN-3 CHAN-7 CHAN-11 N15 N18: two segments of tokens stay apart; garbage and replays are counted and change nothing; without multicast unicast serves',
  async (t) => {
    const lab = await createSegmentFleet(east.length + west.length, {
      segment: (index) => (index < east.length ? 'east' : 'west'),
    });
    t.after(lab.close);
    await lab.settled(east);
    const before = await lab.settled(west);
    await heard(lab, 'node1', 'west');
    await heard(lab, 'node4', 'east');

    const seen = (await lab.events()).at(-1)?.id ?? 0;
    const ccm = lab.lan.hosts[0] as LanHost;
    await ccm.run(process.execPath, ['-e', stranger(ccm.address)]);
    await firewall(lab.host('node4'), { in: multicastIn });
    await firewall(lab.host('node5'), { in: multicastIn });
    const members = lab.names.length;
    for (const node of west) {
      await lab.until(`${node} uses unicast`, async () => {
        const { election } = await lab.fleet.client.nodes.get(node);
        return election?.transport === 'unicast' && election.reason.startsWith('Multicast ');
      });
      const { election } = await lab.fleet.client.nodes.get(node);
      assert.ok((election?.dropped['garbage'] ?? 0) + (election?.dropped['malformed'] ?? 0) > 100);
      assert.ok((election?.dropped['replay'] ?? 0) > 0, JSON.stringify(election?.dropped));
    }
    const after = await lab.settled(west);
    assert.equal(after.id, before.id);
    const others = await lab.settled(east);
    assert.equal(others.members.length + after.members.length, members);
    const eastEvents = (await lab.events()).filter(
      ({ id, kind, data }) => id > seen && kind.startsWith('segment.') && data['segment'] === 'east',
    );
    assert.deepEqual(eastEvents, []);
    assert.equal(await lab.secondLeaders(east), 0);
  },
);

async function heard(lab: SegmentFleet, node: string, segment: string): Promise<void> {
  await lab.until(`${node} hears ${segment}`, async () => {
    const { election } = await lab.fleet.client.nodes.get(node);
    return election?.heard.includes(segment) === true;
  });
}
