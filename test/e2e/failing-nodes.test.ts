// Nodes that are away, die in mid-stage or lie on disk; pushes that cross; a CCM that is killed. What the pusher is told is true.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { until } from '../../src/plugins/testing/until.ts';
import { type Author, createAuthor } from '../lab/author.ts';
import { type Fleet, startFleet } from './support/fleet.ts';

let fleet: Fleet;
let author: Author;

before(async () => {
  [fleet, author] = await Promise.all([startFleet(), createAuthor()]);
  await author.write('index.html', 'first');
  await author.write('deep/er/page.html', 'a page that stays');
  await author.commit();
  assert.equal((await author.push(fleet.gitUrl())).code, 0);
});
after(async () => {
  await author.remove();
  await fleet.stop();
});

function pidOf(node: string): number {
  const pid = fleet.up.agentPids().get(node);
  assert.ok(pid !== undefined, `${node} runs`);
  return pid;
}

const liveTrees = async () => (await fleet.admin.sites.status('sample')).nodes.map((node) => node.liveTree);
const isConnected = async (name: string) => (await fleet.admin.nodes.get(name)).connected;

async function isReceiving(name: string): Promise<boolean> {
  const { nodes } = await fleet.admin.sites.status('sample');
  return nodes.some(({ node, phase }) => node === name && (phase === 'receiving' || phase === 'held'));
}

/** Large enough that staging takes a while: incompressible, so that every byte travels. */
async function writeLarge(name: string): Promise<void> {
  for (let index = 0; index < 60; index++)
    await author.write(`${name}/${index}.bin`, randomBytes(512 * 1024));
}

test('N71 a node in maintenance is left out, told so, and given what it missed afterwards', async () => {
  await fleet.admin.nodes.update('node3', { maintenance: true });
  await author.write('index.html', 'without node3');
  const tree = await author.commit();
  const { stderr } = await author.push(fleet.gitUrl());
  assert.match(stderr, /staged 2\/3 {2}live 2\/3/);
  assert.match(stderr, /node3: not connected or in maintenance/);
  await fleet.admin.nodes.update('node3', { maintenance: false });
  await until('node3 has the tree', async () => (await liveTrees()).every((live) => live === tree));
  await fleet.assertServed(tree);
});

test('R8.5 a node that was down at push time is told, and synchronized when it returns', async () => {
  const pid = pidOf('node2');
  process.kill(pid, 'SIGSTOP');
  await until('the CCM misses node2', async () => !(await isConnected('node2')));
  await author.write('index.html', 'without node2');
  const tree = await author.commit();
  const { stderr } = await author.push(fleet.gitUrl());
  assert.match(stderr, /staged 2\/3 {2}live 2\/3/);
  assert.match(stderr, /node2: not connected/);
  process.kill(pid, 'SIGCONT');
  await until('node2 has the tree', async () => (await liveTrees()).every((live) => live === tree));
  await fleet.assertServed(tree);
});

test('a node killed in mid-stage starts again, goes on, and the push succeeds everywhere', async () => {
  await writeLarge('killed');
  const tree = await author.commit();
  const pid = pidOf('node1');
  const pushing = author.push(fleet.gitUrl());
  await until('node1 receives', () => isReceiving('node1'), 60_000);
  process.kill(pid, 'SIGKILL');
  const { code, stderr } = await pushing;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /staged 3\/3 {2}live 3\/3/);
  await fleet.assertServed(tree);
});

test('a node lost in mid-stage: nothing is committed, the pusher is told who and why, and it is tried again by itself', async () => {
  await writeLarge('lost');
  const tree = await author.commit();
  const pid = pidOf('node1');
  const pushing = author.push(fleet.gitUrl());
  await until('node1 receives', () => isReceiving('node1'), 60_000);
  process.kill(pid, 'SIGSTOP');
  const { stderr } = await pushing;
  assert.match(stderr, /not published: 1 of 3 nodes did not stage; nothing was switched/);
  assert.match(stderr, /node1: lost its connection .*NODE_LOST/);
  assert.match(stderr, /tried again by itself in 2 s/);
  const [job] = await fleet.admin.jobs.list({ site: 'sample', limit: 1 });
  const decided = (await fleet.admin.events.list({ limit: 1000 })).filter(
    (event) => event.kind === 'decision.commit' && event.job === job?.id,
  );
  assert.ok(decided.length === 0 || (job?.attempts ?? 0) > 1, 'the attempt that lost a node decided nothing');
  await until(
    'the others have the tree',
    async () => (await liveTrees()).filter((live) => live === tree).length === 2,
    30_000,
  );
  process.kill(pid, 'SIGCONT');
  await until('node1 has the tree', async () => (await liveTrees()).every((live) => live === tree), 30_000);
  await fleet.assertServed(tree);
});

test('N25 pushes that cross: newest wins, and each pusher gets the truth', async () => {
  const pushes: Promise<{ code: number; stderr: string }>[] = [];
  const trees: string[] = [];
  const other = await createAuthor();
  await other.git('pull', '-q', fleet.gitUrl(), 'main');
  for (let index = 0; index < 2; index++) {
    await other.write('index.html', `crossing ${index}`);
    trees.push(await other.commit());
    await other.git('branch', `c${index}`);
  }
  for (let index = 0; index < 2; index++)
    pushes.push(other.tryGit(['push', fleet.gitUrl(), `c${index}:refs/heads/main`]));
  const results = await Promise.all(pushes);
  const winner = (await fleet.admin.sites.status('sample')).tree;
  for (const [index, { code, stderr }] of results.entries()) {
    if (code !== 0)
      assert.match(stderr, /rejected|cannot lock ref|non-fast-forward/, 'git itself refused the ref');
    else
      assert.match(
        stderr,
        /staged 3\/3 {2}live 3\/3|unchanged: tree|not published: commit [0-9a-f]+ is newer/,
        `push ${index}`,
      );
  }
  const head = await other.git('ls-remote', fleet.gitUrl(), 'refs/heads/main');
  assert.equal(winner, await other.tree(head.split('\t')[0]), 'what is live is what the branch says');
  assert.ok(trees.includes(winner ?? ''));
  await fleet.assertServed(winner ?? '');
  await author.git('pull', '-q', '--rebase', fleet.gitUrl(), 'main');
  await other.remove();
});

test('R8.4 a rollback is live everywhere at once and transfers nothing; the next push publishes', async () => {
  const before = (await fleet.admin.sites.status('sample')).tree;
  await author.write('index.html', 'to be undone');
  await author.commit();
  await author.push(fleet.gitUrl());
  const { code, stdout } = await fleet.treecast('rollback', 'sample', '--json');
  assert.equal(code, 0, stdout);
  await fleet.assertServed(before ?? '');
  await author.write('index.html', 'after the rollback');
  const tree = await author.commit();
  assert.equal((await author.push(fleet.gitUrl())).code, 0);
  await fleet.assertServed(tree);
});

test('verify finds one flipped byte on one node, with size and mtime restored, and names node and path', async () => {
  const tree = (await fleet.admin.sites.status('sample')).tree;
  const path = join(fleet.directory, 'agents', 'node2', 'sites', 'sample', 'live', 'deep', 'er', 'page.html');
  const { atime, mtime } = statSync(path);
  writeFileSync(path, 'A page that stays', { flag: 'r+' });
  utimesSync(path, atime, mtime);
  const { code, stdout } = await fleet.treecast('verify', 'sample', '--json');
  assert.equal(code, 1);
  const result = JSON.parse(stdout) as { nodes: { name: string; tree: string; ok: boolean }[] };
  assert.deepEqual(
    result.nodes.map(({ name, ok }) => [name, ok]),
    [
      ['node1', true],
      ['node2', false],
      ['node3', true],
    ],
  );
  assert.notEqual(result.nodes[1]?.tree, tree);
  const people = await fleet.treecast('verify', 'sample');
  assert.match(people.stdout + people.stderr, /node2[\s\S]*deep\/er\/page\.html/);
  writeFileSync(path, 'a page that stays', { flag: 'r+' });
  utimesSync(path, atime, mtime);
  await fleet.assertServed(tree ?? '');
});

test('N22 a path that changed and changed back while a node was away has the same time on every node', async () => {
  const pid = pidOf('node2');
  await author.write('back.html', 'one');
  await author.commit();
  await author.push(fleet.gitUrl());
  process.kill(pid, 'SIGSTOP');
  await until('the CCM misses node2', async () => !(await isConnected('node2')));
  for (const content of ['two', 'one']) {
    await author.write('back.html', content);
    await author.commit();
    await author.push(fleet.gitUrl());
  }
  await author.write('other.html', 'so that the trees differ');
  const tree = await author.commit();
  await author.push(fleet.gitUrl());
  process.kill(pid, 'SIGCONT');
  await until('node2 has the tree', async () => (await liveTrees()).every((live) => live === tree));
  const times = fleet.up.ready.nodes.map(
    ({ name }) =>
      statSync(join(fleet.directory, 'agents', name, 'sites', 'sample', 'live', 'back.html')).mtimeMs,
  );
  assert.equal(new Set(times).size, 1, String(times));
  await fleet.assertServed(tree);
});
