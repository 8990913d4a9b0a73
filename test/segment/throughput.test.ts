// What a node measures of the multicast of its LAN, with other processes behind sockets and a network that loses: where it stops, and whom it blames.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { NetworkFinding } from '../../src/agent/segment/network-findings.ts';
import { throughputFindings } from '../../src/agent/segment/throughput-findings.ts';
import type { ThroughputResult } from '../../src/net/segment/throughput/throughput-test.ts';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import type { LanHost } from '../lab/lan.ts';
import { createSegmentFleet } from '../lab/segment-fleet.ts';
import { createSegmentLan, firewall, type LanNode, settled } from './lan-nodes.ts';

const mbit = 125_000;
const treecast = join(import.meta.dirname, '../../bin/treecast');

async function measure(node: LanNode, rate: number): Promise<ThroughputResult> {
  await node.ask({ order: 'test' });
  return (await node.ask({
    order: 'measure',
    bytesPerSecondMax: rate * mbit,
  })) as unknown as ThroughputResult;
}

testNeeding(
  ['netns'],
  'CHAN-23 LEAD-80 N72: on a server whose agent is stopped doctor measures with the agents of the LAN, and keeps the limit that the CCM told their leader',
  async (t) => {
    const lan = await createSegmentFleet(3);
    t.after(() => lan.close());
    const { client } = lan.fleet;
    const { name, leader } = await lan.settled();
    await client.segments.update(name, { rate: { mbit: 2, hours: [] } });
    const away = lan.names.find((node) => node !== leader?.node) as string;
    lan.kill(away);
    await lan.until('its agent is gone', ({ members }) =>
      members.some(({ node, connected }) => node === away && !connected),
    );
    const doctor = [
      'doctor',
      'network',
      '--throughput',
      '--mbit',
      '20',
      '--json',
      '--dir',
      lan.directory(away),
    ];
    const { checks } = JSON.parse(await lan.host(away).run(treecast, doctor)) as {
      checks: NetworkFinding[];
    };
    const of = (check: string) => checks.find((each) => each.name === check);
    assert.match(of('others')?.message ?? '', /^Multicast works/);
    assert.match(of('throughput')?.message ?? '', /The segment’s limit was kept\.|This machine sent/);
    assert.ok(
      !/\b(?:[3-9]|\d\d)(?:\.\d)? Mbit/.test(of('throughput')?.message ?? ''),
      of('throughput')?.message,
    );
    assert.ok(of('buffers') !== undefined && of('drops') !== undefined);
    await lan.start(away);
    await lan.settled();
  },
);

testNeeding(
  ['netns', 'nft'],
  'CHAN-23 N72: a node that loses more than the others is named, and where a link carries less the test goes no further',
  async (t) => {
    const { lan, start } = await createSegmentLan(t, { hosts: 4 });
    const lossy = lan.hosts[3] as LanHost;
    await firewall(lossy, { in: 'udp dport 17460 numgen inc mod 10 < 4 drop' });
    const nodes = [await start(0), await start(1), await start(2), await start(3)];
    await settled(nodes);
    const [tester] = nodes as [LanNode];
    const found = await measure(tester, 4);
    assert.deepEqual(found.nodes.map(({ node }) => node).sort(), ['web-2', 'web-3', 'web-4']);
    const last = found.steps.at(-1);
    const worst = last?.losses.toSorted((a, b) => b.loss - a.loss)[0];
    assert.equal(worst?.node, 'web-4');
    assert.ok(worst.loss > 0.3, `it lost ${worst.loss}`);
    const [rate] = throughputFindings(found);
    assert.equal(rate?.outcome, 'warn');
    assert.match(rate.message, /web-4 \d+ %/);

    await (lan.hosts[0] as LanHost).rate('16mbit');
    const narrow = await measure(tester, 160);
    const rates = narrow.steps.map(({ bytesPerSecondWanted }) => bytesPerSecondWanted / mbit);
    assert.ok(rates.length >= 1 && rates.every((each) => each <= 40), `it tried ${rates.join(', ')} Mbit/s`);
    assert.equal(throughputFindings(narrow)[0]?.outcome, 'warn');
  },
);
