// The control channel over networks of different kinds, and with strangers on them: real sockets in namespaces.

import assert from 'node:assert/strict';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { createSegmentLan, type LanNode, placesOf, reasonOf, settled, tested } from './lan-nodes.ts';

testNeeding(
  ['netns'],
  'CHAN-12 CHAN-17 N14: a good network: multicast, over the interface that was named, also without a multicast route',
  async (t) => {
    const { lan, start } = await createSegmentLan(t, { hosts: 3 });
    for (const host of lan.hosts) {
      await host.run('ip', ['route', 'del', '224.0.0.0/4', 'dev', 'eth0']);
      // A second interface, which every route leads over: the wrong one.
      await host.run('ip', ['link', 'add', 'eth1', 'type', 'veth', 'peer', 'name', 'eth2']);
      await host.run('ip', ['link', 'set', 'eth2', 'up']);
      await host.run('ip', ['addr', 'add', '192.0.2.7/24', 'dev', 'eth1']);
      await host.run('ip', ['link', 'set', 'eth1', 'up']);
      await host.run('ip', ['route', 'add', 'default', 'dev', 'eth1']);
    }
    const nodes = [await start(0), await start(1), await start(2, { wanted: '10.77.0.3' })];
    await settled(nodes);
    const state = await tested(nodes[0] as LanNode, 'multicast');
    assert.equal(state.interface?.name, 'eth0');
    assert.equal(state.why, 'named in agent.yaml');
    assert.match(reasonOf(state), /^Multicast works on eth0 \(10\.77\.0\.1\): 2 of 2 nodes/);
    assert.equal(state.verdict?.bytesMax, 1_472);
  },
);

testNeeding(
  ['netns'],
  'CHAN-13: a unicast segment of configured peers, without names and without a group',
  async (t) => {
    const { start } = await createSegmentLan(t, { hosts: 3 });
    const place = { transport: 'unicast', group: null, port: 17_446 } as const;
    const nodes = [await start(0, { place }), await start(1, { place }), await start(2, { place })];
    const addresses = (await placesOf(nodes)).map(({ address, port }) => ({ node: null, address, port }));
    for (const each of nodes) await each.ask({ order: 'peers', addresses });
    await settled(nodes);
  },
);

testNeeding(
  ['netns'],
  'CHAN-4 CHAN-16: an MTU of 1,400 is found, and everything but long probes fits',
  async (t) => {
    const { lan, start } = await createSegmentLan(t, { hosts: 2 });
    await lan.hosts[1]?.run('ip', ['link', 'set', 'eth0', 'mtu', '1400']);
    const nodes = [await start(0), await start(1)] as [LanNode, LanNode];
    await settled(nodes);
    const state = await tested(nodes[0], 'multicast');
    assert.equal(state.verdict?.bytesMax, 1_372);
  },
);

testNeeding(
  ['netns'],
  'CHAN-3 CHAN-6: garbage, and a node of another CCM with the same segment and group, disturb nobody',
  async (t) => {
    const { lan, start } = await createSegmentLan(t, { hosts: 3 });
    const nodes = [await start(0), await start(1)] as [LanNode, LanNode];
    const leader = await settled(nodes);
    const foreign = await createSegmentLan(t, { hosts: 1 });
    const { identityOf } = await import('./foreign-node.ts');
    const stranger = await start(2, { ...(await identityOf(foreign.authority, 'web-9')), node: 'web-9' });
    const noise = `
    const socket = process.getBuiltinModule('node:dgram').createSocket('udp4');
    const { randomBytes } = process.getBuiltinModule('node:crypto');
    socket.bind(0, '10.77.0.3', () => {
      socket.setMulticastInterface('10.77.0.3');
      let left = 2000;
      const next = () => {
        if (left-- === 0) return socket.close();
        const bytes = randomBytes(left % 300);
        if (left % 3 === 0) bytes.write('TcS');
        if (left % 3 === 0 && bytes.length > 4) bytes[3] = 1;
        socket.send(bytes, 17446, '239.255.84.67', next);
      };
      next();
    });
  `;
    await lan.hosts[2]?.run(process.execPath, ['-e', noise]);
    await nodes[0].until(
      'has counted the garbage',
      ({ dropped }) => (dropped.garbage ?? 0) > 500 && (dropped.malformed ?? 0) > 100,
    );
    await stranger.until(
      'is alone',
      ({ machine, dropped }) => machine.state === 'leading' && (dropped.stranger ?? 0) > 0,
    );
    for (const each of nodes) {
      const { machine } = await each.ask({ order: 'state' });
      assert.equal(machine.leader, leader);
      assert.equal(machine.members.length, 2);
    }
  },
);

testNeeding(
  ['netns'],
  'CHAN-13: several nodes on one machine share the group and have ports of their own',
  async (t) => {
    const { start } = await createSegmentLan(t, { hosts: 2 });
    const nodes: LanNode[] = [await start(1, { node: 'other' })];
    for (let index = 0; index < 4; index += 1) nodes.push(await start(0, { node: `web-${index}` }));
    await settled(nodes);
    const places = await placesOf(nodes.slice(1));
    assert.deepEqual(
      places.map(({ port }) => port),
      [17_447, 17_448, 17_449, 17_450],
    );
  },
);

testNeeding(
  ['netns'],
  'CHAN-12: IPv6: a group of ff02::/16, link-local addresses with their zone',
  async (t) => {
    const { lan, start } = await createSegmentLan(t, { hosts: 3 });
    // The LAN has IPv4; each interface has its link-local address besides, without the wait for duplicates.
    for (const host of lan.hosts) await host.run('sysctl', ['-qw', 'net.ipv6.conf.eth0.accept_dad=0']);
    const place = { transport: 'multicast', group: 'ff02::5463:53', port: 17_446 } as const;
    const nodes = [await start(0, { place }), await start(1, { place }), await start(2, { place })];
    await settled(nodes);
    const state = await tested(nodes[0] as LanNode, 'multicast');
    assert.match(state.own?.address ?? '', /^fe80:.*%eth0$/);
  },
);
