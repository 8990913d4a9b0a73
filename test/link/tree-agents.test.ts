// A whole CCM and real agents on the loopback address, each the only one of a segment: what is pushed leaves the CCM about once, and is live everywhere.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { joinCcm } from '../../src/agent/join/join-ccm.ts';
import { type RunningAgent, runAgent } from '../../src/agent/run/run-agent.ts';
import { temporaryDirectory } from '../../src/net/testing/temporary-directory.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { createAuthor } from '../lab/author.ts';
import { segmentCcm } from './segment-ccm.ts';

const names = ['web1', 'web2', 'web3', 'web4', 'web5'];
const firstPort = 27_446;
const portsEach = 20;

test('R6.2 N19 TREE-91: a push goes from the CCM to one leader, from leader to leader to the others, and is live on all', async (t) => {
  const lab = await segmentCcm(t);
  const { client } = lab;
  const home = temporaryDirectory(t);
  const agents: RunningAgent[] = [];
  t.after(() => Promise.all(agents.map((agent) => agent.close())));
  await client.sites.create({ name: 'shop' });
  for (const [index, name] of names.entries()) {
    const directory = join(home, name);
    const { token } = await client.joinTokens.create({ segment: `hall-${name}` });
    mkdirSync(directory, { mode: 0o700 });
    await joinCcm({ token, name, directory });
    const port = firstPort + index * portsEach;
    writeFileSync(join(directory, 'agent.yaml'), `serve: 'off'\nsegment: {interface: lo, port: ${port}}\n`);
    agents.push(await runAgent(directory, { version: '0.0.0' }));
  }
  await Promise.all(agents.map(({ ready }) => ready));
  await until(
    'each leads its segment',
    async () => {
      const segments = await client.segments.list();
      return segments.filter(({ leader }) => leader !== null).length === names.length;
    },
    30_000,
  );
  const author = await createAuthor();
  t.after(() => author.remove());
  const url = new URL(lab.ccm.git('shop'));
  url.username = 'author';
  url.password = lab.token;
  await author.write('large.bin', randomBytes(6_000_000));
  const tree = await author.commit();
  const { stderr } = await author.push(url.href);
  assert.match(stderr, /live 5\/5/);
  for (const node of (await client.sites.status('shop')).nodes) assert.equal(node.liveTree, tree);
  const [job] = await client.jobs.list();
  const { assignments } = await client.trees.get(job?.id ?? '');
  assert.equal(assignments.length, 1);
  const leaders = assignments[0]?.leaders ?? [];
  assert.deepEqual(
    leaders.map(({ node, state, nodes }) => `${node} ${state} ${nodes.live}`).toSorted(),
    names.map((name) => `${name} held 1`),
  );
  const [first, ...more] = leaders.filter(({ sources }) => sources.some(({ node }) => node === null));
  assert.ok(first !== undefined && more.length < 2, 'the CCM gave it to one, or a part to another as well');
  assert.equal(leaders.flatMap(({ children }) => children).length >= names.length - 2, true);
});
