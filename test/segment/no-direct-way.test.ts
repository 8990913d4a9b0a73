// A node that cannot reach the CCM, on a LAN whose leader can: it joins, is served, renews, and comes back after a restart, by way of that leader.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { createAuthor } from '../lab/author.ts';
import { createLan, type LanHost } from '../lab/lan.ts';
import { createFleet } from '../lab/program-fleet.ts';
import { untilBehind } from '../lab/until-behind.ts';
import { untilLive } from '../lab/until-live.ts';
import { firewall } from './lan-nodes.ts';

const untilMs = 45_000;

testNeeding(
  ['netns', 'nft', 'git'],
  'LEAD-52 LEAD-60: a node without a way to the CCM joins through the leader, publishes reach it, it follows new keys and renews, and is there again after a restart',
  async (t) => {
    const author = await createAuthor();
    t.after(() => author.remove());
    const lan = await createLan({ hosts: 4 });
    t.after(() => lan.close());
    const [ccm, one, two, apart] = lan.hosts as [LanHost, LanHost, LanHost, LanHost];
    const home = await mkdtemp(join(tmpdir(), 'treecast-no-way-'));
    t.after(() => rm(home, { recursive: true, force: true, maxRetries: 20 }));
    let via: string | undefined;
    const fleet = await createFleet(home, ccm, [one, two], {
      relay: true,
      logLevel: 'error',
      agent: () => ({}),
      via: () => via,
    });
    t.after(() => fleet.close());
    const { client } = fleet;
    const leader = await untilBehind(fleet);
    await author.write('index.html', 'one\n');
    const first = await author.commit();
    assert.equal((await author.push(fleet.remote)).code, 0);
    await untilLive(fleet, first);

    // As behind a firewall that lets nothing but the LAN's own through.
    await firewall(apart, { out: `ip daddr ${ccm.address} tcp dport 1-65535 drop` });
    const { election } = await client.nodes.get(leader);
    via = `${election?.address}:${election?.port}`;
    await fleet.addAgent(apart);
    await until('the new one is connected', async () => (await client.nodes.get('node3')).connected, untilMs);
    await untilLive(fleet, first);
    assert.equal(await untilBehind(fleet), leader);
    await author.write('index.html', 'two\n');
    await author.write('more.txt', 'x'.repeat(200_000));
    const second = await author.commit();
    assert.equal((await author.push(fleet.remote)).code, 0);
    await untilLive(fleet, second);

    const certificate = async (): Promise<string> =>
      (
        JSON.parse(await readFile(join(home, 'node3', 'identity', 'node.json'), 'utf8')) as {
          certificate: string;
        }
      ).certificate;
    const before = await certificate();
    await client.keys.rotate({ kind: 'ca' });
    await until('it has a new certificate', async () => (await certificate()) !== before, untilMs);
    await fleet.restartAgent(2, 'SIGKILL');
    await untilBehind(fleet);
    await author.write('index.html', 'three\n');
    const third = await author.commit();
    assert.equal((await author.push(fleet.remote)).code, 0);
    await untilLive(fleet, third);
  },
);
