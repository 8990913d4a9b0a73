// Segments that are not as one expects: the leader is in no content group, a segment has one node, and a node goes from one segment to another.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { openBehindLan } from './behind-lan.ts';

const large = (): Buffer => randomBytes(1_500_000);

testNeeding(
  ['netns', 'git'],
  'R7 N16 LEAD-1 LEAD-2 SEG-5: a leader that has nothing of the site hands it out; a segment of one, and a node that is moved to it, are served by their own leaders',
  async (t) => {
    const lab = await openBehindLan(t, 4, { segment: (index) => (index < 3 ? 'home' : 'elsewhere') });
    const { client, site } = lab.fleet;
    const [home, alone] = [lab.names.slice(0, 3), 'node4'];
    const leader = await lab.allBehind(undefined, home);
    await lab.allBehind(alone, [alone]);
    const rest = lab.names.filter((name) => name !== leader);
    await client.groups.update(site, { nodes: rest, selector: null });
    await lab.allBehind(leader, home);
    await lab.publish({ 'index.html': 'one\n', 'large.bin': large() }, rest);
    assert.equal(lab.release(leader), null, 'it is no member of the site');
    assert.ok(readdirSync(join(lab.home, leader, 'relay')).length > 0, 'it handed it out');

    await client.groups.update(site, { nodes: lab.names, selector: null });
    const moved = rest[0] as string;
    const others = home.filter((name) => name !== moved);
    await client.nodes.update(moved, { segment: 'elsewhere' });
    await lab.allBehind(alone, [alone, moved]);
    assert.equal(await lab.allBehind(undefined, others), leader, 'nobody else left');
    await lab.publish({ 'index.html': 'two\n', 'large.bin': large() });
    await client.nodes.update(moved, { segment: 'home' });
    await lab.allBehind(leader, home);
    await lab.allBehind(alone, [alone]);
    await lab.publish({ 'index.html': 'three\n', 'large.bin': large() });
  },
);
