// A leader that nobody reaches from outside: it is told over its own link, fetches, and feeds its own segment, but nobody else.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { TreeLeaderResource } from '../../src/model/tree-resource.ts';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { openTreeLan } from './tree-lan.ts';

testNeeding(
  ['netns', 'nft', 'tc', 'git'],
  'R6.2 TREE-1: a segment behind a NAT has a push live as the others, and its leader is a leaf',
  async (t) => {
    const lan = await openTreeLan(t);
    const behindNat = lan.segments[0];
    assert.ok(behindNat !== undefined);
    for (const { run, address } of behindNat.site.hosts) {
      const subnet = `${address.split('.').slice(0, 3).join('.')}.0/24`;
      const rule = `ip saddr != ${subnet} tcp flags & (syn | ack) == syn drop`;
      await run(
        'nft',
        ['-f', '-'],
        `table inet nat {\nchain input { type filter hook input priority 0; ${rule}; }\n}\n`,
      );
    }
    await lan.allBehind();
    const { client, site } = lan.fleet;
    const [, second, third] = lan.segments.map(({ name }) => name) as [string, string, string];
    // Another leader is told to bring it the hand-out; it is told to bring one to another leader, which is to fetch from it.
    for (const order of [
      [second, behindNat.name, third],
      [behindNat.name, second, third],
    ]) {
      await client.groups.setOrder(site, order);
      const tree = await lan.commit({ 'large.bin': randomBytes(2_000_000) });
      await lan.push();
      await lan.live(tree);
      const leaders = (await lan.treeOf(tree))?.leaders ?? [];
      const leaf: TreeLeaderResource | undefined = leaders.find(({ segment }) => segment === behindNat.name);
      assert.ok(leaf?.state === 'held', JSON.stringify(leaders));
      assert.equal(leaf.children.length, 0, JSON.stringify(leaders));
    }
  },
);
