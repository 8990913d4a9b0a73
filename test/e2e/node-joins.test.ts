// X13 where a node joins a farm that is publishing: HAProxy knows its server from the start, and sends readers there only once its tree is right.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { askHttp } from '../../src/plugins/testing/ask-http.ts';
import { testNeeding } from '../../src/plugins/testing/test-needing.ts';
import { type Author, createAuthor } from '../lab/author.ts';
import { createWebFarm, type WebFarm } from '../lab/farm/web-farm.ts';

const needs = ['nginx', 'haproxy', 'varnishd'];
const readersAtOnce = 4;
const publishesMin = 10;
/** Not for ever: a node that gets nobody at all fails the test. */
const publishesMax = 150;

const agent = new Agent({ keepAlive: true });
let directory: string | undefined;
let author: Author | undefined;
let farm: WebFarm | undefined;
after(async () => {
  agent.destroy();
  await farm?.close();
  await author?.remove();
  if (directory !== undefined) await rm(directory, { recursive: true, force: true, maxRetries: 20 });
});

testNeeding(
  needs,
  'X13 N20: over ten publishes a node joins: it gets nobody until its tree is right',
  async () => {
    directory = await mkdtemp(join(tmpdir(), 'treecast-joins-'));
    const writer = await createAuthor();
    author = writer;
    const running = await createWebFarm({
      directory,
      nodes: 2,
      laterNodes: 1,
      // HAProxy by itself believes in whatever listens: an empty nginx too. What keeps readers away is the CCM alone.
      checks: { of: 'port', timing: 'inter 50ms rise 1' },
    });
    farm = running;
    const { fleet, haproxy, host } = running;
    const ask = () => askHttp(haproxy, '/', { agent, headers: { host } });
    /** The newest that is live everywhere. */
    let live = 0;
    const publish = async (): Promise<void> => {
      await writer.write('index.html', `version=${live + 1}\n`);
      await writer.commit();
      const { code, stderr } = await writer.push(fleet.remote);
      assert.equal(code, 0, stderr);
      const { job } = await fleet.client.sites.status(fleet.site);
      assert.equal(job?.phase, 'succeeded', stderr);
      live += 1;
    };
    await publish();
    while ((await ask()).status !== 200);

    const wrong: string[] = [];
    const servedBy = new Map<string, number>();
    let stopped = false;
    const beginning = performance.now();
    const read = async (): Promise<void> => {
      while (!stopped) {
        const liveBefore = live;
        const at = `${Math.round(performance.now() - beginning)} ms`;
        try {
          const { status, headers, body } = await ask();
          const node = String(headers['served-by']);
          servedBy.set(node, (servedBy.get(node) ?? 0) + 1);
          const seen = Number(/^version=(\d+)\n$/.exec(body)?.[1]);
          if (status !== 200) wrong.push(`${at}: ${node} answers ${status}`);
          else if (!(seen >= liveBefore)) wrong.push(`${at}: ${node} serves ${seen}, not ${liveBefore}`);
        } catch (error) {
          wrong.push(`${at}: ${String(error)}`);
        }
      }
    };
    const readers = Array.from({ length: readersAtOnce }, read);
    let during = 0;
    let afterwards = 0;
    try {
      await publish();
      const joining = running.addNode();
      while (afterwards < publishesMin && during + afterwards < publishesMax) {
        await publish();
        if (servedBy.has('node3')) afterwards += 1;
        else during += 1;
      }
      await joining;
    } finally {
      stopped = true;
      await Promise.all(readers);
    }
    assert.deepEqual(wrong.slice(0, 5), []);
    assert.ok(servedBy.has('node3'), `node3 got nobody in ${during} publishes`);
    assert.ok(during >= 1, 'nothing was published while the node joined');
    const { nodes } = await fleet.client.sites.status(fleet.site);
    const tree = await writer.tree();
    assert.deepEqual(
      nodes.map(({ node, liveTree }) => [node, liveTree]),
      ['node1', 'node2', 'node3'].map((node) => [node, tree]),
    );
  },
);
