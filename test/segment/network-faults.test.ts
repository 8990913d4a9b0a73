// The control channel on networks that do not do what they should: real sockets in namespaces. Each time the nodes find one leader and are all in
// its list, and say which transport they use and why.

import assert from 'node:assert/strict';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import type { LanHost } from '../lab/lan.ts';
import {
  createSegmentLan,
  firewall,
  type LanNode,
  multicastIn,
  placesOf,
  reasonOf,
  settled,
  tested,
} from './lan-nodes.ts';

testNeeding(
  ['netns', 'nft'],
  'CHAN-14 CHAN-17 N15: multicast does not arrive at one node: it alone is served by unicast, and says why',
  async (t) => {
    const { lan, start } = await createSegmentLan(t, { hosts: 3 });
    await firewall(lan.hosts[2] as LanHost, { in: multicastIn });
    const nodes = [await start(0), await start(1), await start(2)] as [LanNode, LanNode, LanNode];
    await nodes[2].ask({ order: 'peers', addresses: await placesOf(nodes) });
    await settled(nodes);
    const deaf = await tested(nodes[2], 'unicast');
    assert.match(
      reasonOf(deaf),
      /^Multicast of all 2 nodes that answered does not arrive at this node on eth0/,
    );
    const fine = await tested(nodes[0], 'multicast');
    assert.match(reasonOf(fine), /^Multicast works on eth0/);
  },
);

testNeeding(
  ['netns', 'nft'],
  'CHAN-14 CHAN-17: multicast of one node does not leave it: it sends by unicast',
  async (t) => {
    const { lan, start } = await createSegmentLan(t, { hosts: 3 });
    // As a switch would do it: the node itself hears of no error.
    const rule = 'ip saddr 10.77.0.1 ip daddr 224.0.0.0/4 udp dport 17446 drop';
    for (const host of lan.hosts.slice(1)) await firewall(host, { in: rule });
    const nodes = [await start(0), await start(1), await start(2)] as [LanNode, LanNode, LanNode];
    await nodes[0].ask({ order: 'peers', addresses: await placesOf(nodes) });
    await settled(nodes);
    const mute = await tested(nodes[0], 'unicast');
    assert.match(
      reasonOf(mute),
      /^Multicast from this node does not arrive at all 2 nodes that answered on eth0/,
    );
  },
);

testNeeding(
  ['netns', 'nft'],
  'CHAN-14 CHAN-17 N15: no multicast at all, or refused by the own firewall: all use unicast',
  async (t) => {
    const { lan, start } = await createSegmentLan(t, { hosts: 3 });
    await firewall(lan.hosts[0] as LanHost, { in: multicastIn });
    await firewall(lan.hosts[1] as LanHost, { in: multicastIn });
    await firewall(lan.hosts[2] as LanHost, {
      in: multicastIn,
      out: 'ip daddr 224.0.0.0/4 udp dport 17446 drop',
    });
    const nodes = [await start(0), await start(1), await start(2)] as [LanNode, LanNode, LanNode];
    const addresses = await placesOf(nodes);
    for (const each of nodes) await each.ask({ order: 'peers', addresses });
    await settled(nodes);
    assert.match(
      reasonOf(await tested(nodes[0], 'unicast')),
      /^Multicast arrives neither at nor from all 2 nodes that answered by unicast on eth0/,
    );
    const refused = await nodes[2].until('is refused', (state) => /is refused/.test(reasonOf(state)), {
      order: 'test',
    });
    assert.match(
      reasonOf(refused),
      /^Multicast to 239\.255\.84\.67 is refused on eth0 \(10\.77\.0\.3\): EPERM/,
    );
    // It is tried again, and multicast is used when it works.
    for (const host of lan.hosts) await firewall(host, {});
    for (const each of nodes) await tested(each, 'multicast');
  },
);
