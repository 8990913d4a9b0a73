// Whole agents on a LAN find one leader, and the CCM shows their segment; when the leader is killed another follows, nobody is lost, and what is
// published meanwhile arrives.

import assert from 'node:assert/strict';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { createAuthor } from '../lab/author.ts';
import { createSegmentFleet } from '../lab/segment-fleet.ts';

testNeeding(
  ['netns', 'git'],
  'R5.1 R5.4 N38: five agents are one segment; its leader is killed, a publish goes through, the next leader has all members',
  async (t) => {
    const author = await createAuthor();
    t.after(() => author.remove());
    const lab = await createSegmentFleet(5);
    t.after(lab.close);
    const { client, remote, site } = lab.fleet;

    const formed = await lab.settled();
    await lab.moved();
    assert.deepEqual(formed.members.map(({ node }) => node).sort(), lab.names);
    assert.deepEqual(
      (await client.segments.list()).map(({ name, refused }) => ({ name, refused })),
      [{ name: formed.name, refused: [] }],
    );
    const first = formed.leader?.node as string;
    const { election } = await client.nodes.get(first);
    assert.equal(election?.state, 'leading');
    assert.equal(election.transport, 'multicast');
    assert.match(election.reason, /^Multicast works on eth0/);

    await author.write('index.html', 'one\n');
    await author.commit();
    assert.equal((await author.push(remote)).code, 0);

    const seen = (await lab.events()).at(-1)?.id ?? 0;
    lab.kill(first);
    await lab.until('nobody is accepted', ({ leader }) => leader === null);
    await author.write('index.html', 'two\n');
    const tree = await author.commit();
    const pushed = await author.push(remote);
    assert.equal(pushed.code, 0, pushed.stderr);
    const rest = lab.names.filter((node) => node !== first);
    const next = await lab.until(
      'another leads, and has all who run',
      ({ leader, members }) =>
        leader !== null &&
        leader.node !== first &&
        rest.every((node) =>
          members.some((member) => member.node === node && /^(leader|online)$/.test(member.state)),
        ),
    );
    assert.ok((next.leader?.term ?? 0) > (formed.leader?.term ?? 0));

    await lab.start(first);
    const again = await lab.settled();
    assert.equal(again.leader?.node, next.leader?.node, 'who comes back deposes nobody');
    await client.sites.status(site);
    const { nodes } = await client.sites.verify(site);
    assert.deepEqual(
      nodes.map((node) => [node.ok, node.tree]),
      lab.names.map(() => [true, tree]),
    );
    const lost = (await lab.events()).filter(
      ({ id, kind, node }) =>
        id > seen && (kind === 'segment.memberLeft' || (kind === 'segment.memberOffline' && node !== first)),
    );
    assert.deepEqual(lost, []);
    assert.equal(await lab.secondLeaders(), 0);
  },
);
