// The control channel when something changes on the way: an interface, a cable, datagrams that are lost in one direction.

import assert from 'node:assert/strict';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import type { LanHost } from '../lab/lan.ts';
import { createSegmentLan, firewall, type LanNode, reasonOf, settled, tested } from './lan-nodes.ts';

testNeeding(
  ['netns', 'nft'],
  'CHAN-17: one-way loss: most multicasts of one node; unicast is better, and used',
  async (t) => {
    const { lan, start } = await createSegmentLan(t, { hosts: 3 });
    const rule = 'ip saddr 10.77.0.1 ip daddr 224.0.0.0/4 numgen random mod 100 < 60 drop';
    for (const host of lan.hosts.slice(1)) await firewall(host, { in: rule });
    const nodes = [await start(0), await start(1), await start(2)] as [LanNode, LanNode, LanNode];
    await settled(nodes);
    const lossy = await nodes[0].until('finds the loss', (state) => / loses /.test(reasonOf(state)), {
      order: 'test',
    });
    assert.match(reasonOf(lossy), /^Multicast on eth0 \(10\.77\.0\.1\) loses \d+ %, unicast \d+ %\.$/);
  },
);

testNeeding(
  ['netns'],
  'CHAN-15: an interface that goes down and comes back, and a cable that is pulled',
  async (t) => {
    const { lan, start } = await createSegmentLan(t, { hosts: 3 });
    const nodes = [await start(0), await start(1), await start(2)] as [LanNode, LanNode, LanNode];
    await settled(nodes);
    const host = lan.hosts[2] as LanHost;
    await host.run('ip', ['link', 'set', 'eth0', 'down']);
    const down = await nodes[2].until('is down', (state) => state.own === null);
    assert.match(down.why, /eth0/);
    await nodes[0].until('misses it', ({ machine }) => machine.members.some(({ online }) => !online));
    await host.run('ip', ['link', 'set', 'eth0', 'up']);
    await nodes[2].until('is back', (state) => state.own !== null);
    await settled(nodes);
    await host.cut();
    await nodes[2].until('sees that the cable is pulled', (state) => state.own === null);
    await host.heal();
    await settled(nodes);
  },
);

testNeeding(
  ['netns'],
  'CHAN-12 N14: a node that starts before its network goes over to the interface that leads to the CCM',
  async (t) => {
    const { lan, start } = await createSegmentLan(t, { hosts: 2 });
    const host = lan.hosts[0] as LanHost;
    await host.run('ip', ['link', 'set', 'eth0', 'down']);
    await host.run('ip', ['link', 'add', 'br-0', 'type', 'veth', 'peer', 'name', 'br-1']);
    await host.run('ip', ['link', 'set', 'br-1', 'up']);
    await host.run('ip', ['addr', 'add', '192.0.2.7/24', 'dev', 'br-0']);
    await host.run('ip', ['link', 'set', 'br-0', 'up']);
    const node = await start(0, { towards: { host: '10.77.0.2', port: 9 } });
    const early = await node.until('is reached', (state) => state.own !== null);
    assert.equal(early.interface?.name, 'br-0', early.why);
    await host.run('ip', ['link', 'set', 'eth0', 'up']);
    const later = await node.until('goes over', (state) => state.interface?.name === 'eth0');
    assert.equal(later.why, 'the CCM is reached over it');
    await settled([node, await start(1)]);
  },
);

testNeeding(
  ['netns', 'nft'],
  'CHAN-17 N15: a firewall passes the group and nothing else: that is said, and it works once it is open',
  async (t) => {
    const { lan, start } = await createSegmentLan(t, { hosts: 2 });
    for (const host of lan.hosts) await firewall(host, { in: 'udp dport 17447-17454 drop' });
    const nodes = [await start(0), await start(1)] as [LanNode, LanNode];
    const stopped = await nodes[0].until('names the firewall', (state) => /firewall/.test(reasonOf(state)), {
      order: 'test',
    });
    assert.match(
      reasonOf(stopped),
      /^Others are heard on eth0 \(10\.77\.0\.1\) \(1\), but .* a firewall stops UDP\.$/,
    );
    for (const host of lan.hosts) await firewall(host, {});
    await settled(nodes);
    await tested(nodes[0], 'multicast');
  },
);
