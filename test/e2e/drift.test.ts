// Files of live trees that somebody changes on the servers, as operators and readers notice it (N44, X17): real agents that re-read
// their trees, a real CCM that is told and asked.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { until } from '../../src/plugins/testing/until.ts';
import { type Author, createAuthor } from '../lab/author.ts';
import { loopbackPlaces } from '../lab/places.ts';
import { createFleet, type Fleet } from '../lab/program-fleet.ts';

const nodes = 5;
const large = randomBytes(2_000_000);
let directory: string;
let author: Author;
let fleet: Fleet;
/** One node that does not re-read by itself. */
let lazy: Fleet;

function agentYaml(scrub: unknown) {
  return { serve: { listen: '127.0.0.1:0' }, scrub };
}

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'treecast-drift-'));
  author = await createAuthor();
  const places = loopbackPlaces(nodes + 2);
  [fleet, lazy] = await Promise.all([
    createFleet(join(directory, 'fleet'), places[0] as never, places.slice(2), {
      agent: () => agentYaml({ everySeconds: 1, bytesPerSecond: 100_000_000 }),
    }),
    createFleet(join(directory, 'lazy'), places[0] as never, places.slice(0, 1), {
      agent: () => agentYaml('off'),
    }),
  ]);
  await author.write('index.html', lines('first'));
  await author.write('large.bin', large);
  await author.write('deep/er/page.html', 'a page');
  await author.write('tool', '#!/bin/sh\n');
  await author.commit();
  for (const { remote } of [fleet, lazy]) assert.equal((await author.push(remote)).code, 0);
});
after(async () => {
  await Promise.all([fleet?.close(), lazy?.close()]);
  await author.remove();
  await rm(directory, { recursive: true, force: true, maxRetries: 20 });
});

const lines = (first: string) => [first, ...Array.from({ length: 400 }, (_, n) => `line ${n}`)].join('\n');
const at = (node: number, path: string, of = 'fleet') =>
  join(directory, of, `node${node}`, 'sites', fleet.site, 'live', path);

/** In place, in the inode that the node's trees share; size and time stay. */
function flip(file: string, position: number): void {
  const { atime, mtime } = fs.statSync(file);
  const fd = fs.openSync(file, 'r+');
  const byte = Buffer.alloc(1);
  fs.readSync(fd, byte, 0, 1, position);
  fs.writeSync(fd, Buffer.from([byte.readUInt8(0) ^ 0x10]), 0, 1, position);
  fs.closeSync(fd);
  fs.utimesSync(file, atime, mtime);
}

async function eventsOf(kind: string): Promise<{ node: string | null; paths: string[] }[]> {
  const events = await fleet.client.events.list({ limit: 1_000 });
  return events
    .filter((event) => event.kind === kind)
    .map(({ node, data }) => {
      const { paths } = data as { paths: { path: string }[] };
      return { node, paths: paths.map(({ path }) => path) };
    });
}

async function allVerify(of: Fleet): Promise<boolean> {
  return (await of.verify()).nodes.every(({ ok }) => ok);
}

test('X17 N44 a bit flipped on each of five nodes, size and time kept: all are found, told with path, and put right', async () => {
  for (let node = 1; node <= nodes; node++) flip(at(node, 'large.bin'), 1_234_567);
  await until(
    'all have told and mended',
    async () => (await eventsOf('node.mended')).length >= nodes,
    60_000,
  );
  const found = await eventsOf('node.drifted');
  assert.deepEqual(
    new Set(found.map(({ node }) => node)),
    new Set(Array.from({ length: nodes }, (_, index) => `node${index + 1}`)),
  );
  assert.ok(found.every(({ paths }) => paths.join() === 'large.bin'));
  for (const url of fleet.urls) {
    const answer = await fetch(`${url}/large.bin`);
    assert.ok(Buffer.from(await answer.arrayBuffer()).equals(large), `${url} serves the right bytes`);
  }
  assert.ok(await allVerify(fleet));
});

test('N44 every other kind of change on one node is put right, and its neighbours on the disk stay as they are', async () => {
  const untouched = fs.statSync(at(2, 'large.bin')).ino;
  fs.rmSync(at(2, 'deep'), { recursive: true });
  fs.rmSync(at(2, 'tool'));
  fs.symlinkSync('/etc/passwd', at(2, 'tool'));
  fs.chmodSync(at(2, 'index.html'), 0o600);
  await until('node2 is as published', () => allVerify(fleet), 60_000);
  assert.equal(fs.statSync(at(2, 'index.html')).mode & 0o777, 0o644);
  assert.equal(fs.readFileSync(at(2, 'tool'), 'utf8'), '#!/bin/sh\n');
  assert.equal(fs.statSync(at(2, 'large.bin')).ino, untouched);
});

test('N44 where the policy only reports, everything stays as it is and status, node and site say since when', async () => {
  const policy = { drift: { action: 'report', extra: 'report', ignore: ['uploads/**'] } } as const;
  await fleet.client.sites.update(fleet.site, { policy });
  fs.writeFileSync(at(3, 'index.html'), 'edited by hand');
  fs.mkdirSync(at(3, 'uploads'));
  fs.writeFileSync(at(3, 'uploads/mine.jpg'), 'mine');
  const driftOf = async () =>
    (await fleet.client.sites.status(fleet.site)).nodes.find(({ node }) => node === 'node3')?.drift;
  await until('the drift is told', async () => (await driftOf()) !== undefined, 60_000);
  const drift = await driftOf();
  assert.equal(drift?.count, 1);
  assert.deepEqual(
    drift?.paths.map(({ path, problem }) => ({ path, problem })),
    [{ path: 'index.html', problem: 'content' }],
  );
  const passes = (await fleet.client.nodes.get('node3')).sites[0]?.scrubbedAt;
  await until(
    'another pass',
    async () => (await fleet.client.nodes.get('node3')).sites[0]?.scrubbedAt !== passes,
    60_000,
  );
  assert.equal((await driftOf())?.since, drift?.since, 'since when it was found first');
  assert.deepEqual((await fleet.client.nodes.get('node3')).sites[0]?.drift?.since, drift?.since);
  const { drift: ofSite } = await fleet.client.sites.get(fleet.site);
  assert.deepEqual(
    ofSite?.map(({ node, count }) => ({ node, count })),
    [{ node: 'node3', count: 1 }],
  );
  assert.equal(fs.readFileSync(at(3, 'index.html'), 'utf8'), 'edited by hand');

  await fleet.restartAgent(2, 'SIGKILL');
  await until(
    'it is told again after a restart',
    async () => (await driftOf())?.since === drift?.since,
    60_000,
  );

  await fleet.client.sites.update(fleet.site, { policy: { drift: { ...policy.drift, action: 'repair' } } });
  await until('it is put right', async () => (await driftOf()) === undefined, 60_000);
  assert.equal(fs.readFileSync(at(3, 'index.html'), 'utf8'), lines('first'));
  assert.equal(fs.readFileSync(at(3, 'uploads/mine.jpg'), 'utf8'), 'mine');
  fs.rmSync(at(3, 'uploads'), { recursive: true });
});

test('N44 a publish that meets a changed file puts it right first, and succeeds', async () => {
  flip(at(1, 'index.html', 'lazy'), 3);
  await author.write('index.html', lines('second'));
  const tree = await author.commit();
  const { stderr } = await author.push(lazy.remote);
  assert.match(stderr, /live 1\/1/);
  const [node] = (await lazy.verify()).nodes;
  assert.deepEqual([node?.ok, node?.tree], [true, tree]);
});
