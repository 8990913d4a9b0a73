// Three segments at three sites: a push leaves the CCM once, goes from leader to leader, and is live on all nine nodes, though a leader that feeds another
// one is killed while it fetches.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { openTreeLan } from './tree-lan.ts';

const bytes = 4_000_000;

testNeeding(
  ['netns', 'tc', 'git'],
  'R6 X18 N46 TREE-1 TREE-40: a push to three segments leaves the CCM about once and is live on nine nodes, also when a leader that feeds another is killed in the middle',
  async (t) => {
    const lan = await openTreeLan(t, {
      policy: { commit: { count: 8, share: 0.8 } },
      // A successor is there well before those whom the dead one led take it from the CCM, each for itself (LEAD-53).
      ccm: { segments: { timers: { aliveMs: 300, triggerMinMs: 1_500, lostMs: 1_500 } } },
    });
    const { fleet } = lan;
    const leaders = await lan.allBehind();
    // Slow enough for a leader to be met while it fetches and feeds.
    for (const { site } of lan.segments) await site.rate('20mbit');

    const before = (await lan.ccm.traffic()).sent;
    const first = await lan.commit({ 'large.bin': randomBytes(bytes) });
    await lan.push();
    await lan.live(first);
    const sent = (await lan.ccm.traffic()).sent - before;
    assert.ok(
      sent > bytes && sent < 1.5 * bytes,
      `the CCM sent ${sent} bytes: ${JSON.stringify(await lan.treeOf(first))}`,
    );
    const fed = (await lan.treeOf(first))?.leaders ?? [];
    const holders = fed.filter(({ state }) => state === 'held').map(({ node }) => node);
    assert.deepEqual(new Set(holders), new Set(leaders));

    const idle = (await lan.ccm.traffic()).sent;
    const second = await lan.commit({ 'large.bin': randomBytes(bytes) });
    const pushing = lan.push();
    let victim: string | undefined;
    await until(
      'a leader and the one that fetches from it hold a part',
      async () => {
        const shown = await lan.treeOf(second);
        const relay = shown?.leaders.find(({ children }) => children.length > 0);
        victim = relay?.node;
        if (shown === undefined || relay === undefined) return false;
        const [own, child] = await Promise.all(
          [relay.node, relay.children[0] as string].map((node) => lan.relayBytes(node, shown.assignment)),
        );
        return own !== undefined && child !== undefined && own > bytes / 2 && child > bytes / 4;
      },
      45_000,
    );
    const index = lan.indexOf(victim as string);
    process.kill(fleet.agentPid(index), 'SIGKILL');
    await pushing;
    await lan.live(
      second,
      lan.names.filter((name) => name !== victim),
    );
    const sentInAll = (await lan.ccm.traffic()).sent - idle;
    assert.ok(
      sentInAll > bytes && sentInAll < 1.7 * bytes,
      `the CCM sent ${sentInAll} bytes: ${JSON.stringify(await lan.treeOf(second), null, 1)}`,
    );
    await fleet.restartAgent(index, 'SIGKILL');
    await lan.live(second);
  },
);
