// A session on a LAN that has nothing but IPv6.

import assert from 'node:assert/strict';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { createLan } from '../lab/lan.ts';
import { createSessionFleet } from '../lab/mctp/session-fleet.ts';

testNeeding(['netns', 'nft'], 'MCTP-70: over IPv6 a session is as over IPv4', async () => {
  const lan = await createLan({ hosts: 3 });
  const hosts = lan.hosts.map((host, index) => ({ ...host, address: `fd77::${index + 1}` }));
  const fleet = await createSessionFleet(hosts);
  try {
    for (const host of hosts) {
      await host.run('ip', ['addr', 'flush', 'dev', 'eth0']);
      await host.run('ip', ['addr', 'add', `${host.address}/64`, 'dev', 'eth0', 'nodad']);
      await host.loss(5);
    }
    await fleet.makeContent(2_000_000);
    await fleet.start();
    await fleet.send({ repair: 'fec' });
    const { event } = await fleet.sender().until('sending-event', (said) => said.event.type === 'ended');
    assert.ok(event.type === 'ended');
    assert.deepEqual([...event.complete].sort(), [...fleet.names]);
    for (const node of fleet.names) assert.ok(await fleet.isSame(node), node);
  } finally {
    await fleet.close();
    await lan.close();
  }
});
