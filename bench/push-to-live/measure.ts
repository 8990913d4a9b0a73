// Measures, inside the CCM's namespace: pushes the same commits to Treecast and to the peer in turn, and after each push reads the changed
// file from every node at once. One old byte, one failed push or one node that disagrees at the end fails the run.

import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { loopbackPlaces, parsePlaces } from '../../test/lab/places.ts';
import { createFleet, type Fleet } from '../../test/lab/program-fleet.ts';
import { type Author, createAuthor, type Edit } from './author.ts';
import { median, percentile, rounded } from './figures.ts';
import { createPeer, type Peer } from './peer.ts';

/** Between two pushes, so that neither side pays for what the other still does in the background. */
const pauseMs = 300;

const { values } = parseArgs({
  options: {
    repository: { type: 'string', default: '.' },
    nodes: { type: 'string', default: '1' },
    edits: { type: 'string', default: '10' },
    peer: { type: 'boolean', default: false },
    places: { type: 'string' },
  },
});
const nodes = Number(values.nodes);
const edits = Number(values.edits);
const [ccmPlace, ...nodePlaces] = values.places ? parsePlaces(values.places) : loopbackPlaces(nodes + 1);
if (ccmPlace === undefined) throw new Error('no place for the CCM');

const directory = await mkdtemp(join(tmpdir(), 'treecast-bench-'));
// The peer's servers run as another user.
await chmod(directory, 0o711);
const stop: (() => Promise<void>)[] = [];
try {
  const author = await createAuthor(values.repository, join(directory, 'author'), edits);
  const fleet = await createFleet(join(directory, 'fleet'), ccmPlace, nodePlaces);
  stop.push(fleet.close);
  say(`${fleet.urls.length} agents are connected`);
  const peer = values.peer ? await createPeer(join(directory, 'peer'), nodePlaces) : undefined;
  if (peer) stop.push(peer.close);

  const [firstSeconds, peerFirstSeconds] = await both(
    author,
    fleet,
    peer,
    await author.first(),
    'first push',
  );
  const seconds: number[] = [];
  const peerSeconds: number[] = [];
  for (let number = 1; number <= edits; number += 1) {
    const edit = await author.edit(number);
    const [own, others] = await both(author, fleet, peer, edit, `edit ${number} (${edit.path})`);
    seconds.push(own);
    if (others !== null) peerSeconds.push(others);
  }
  await verifyAll(author, fleet);
  const peerMedian = peer ? median(peerSeconds) : null;
  const figures = {
    bench: 'push-to-live',
    nodes,
    first_s: rounded(firstSeconds),
    edit_median_s: rounded(median(seconds)),
    edit_p95_s: rounded(percentile(seconds, 0.95)),
    peer_first_s: peerFirstSeconds === null ? null : rounded(peerFirstSeconds),
    peer_edit_median_s: peerMedian === null ? null : rounded(peerMedian),
    ratio: peerMedian === null ? null : rounded(median(seconds) / peerMedian),
    first_ratio: peerFirstSeconds === null ? null : rounded(firstSeconds / peerFirstSeconds),
  };
  say(`edits: ${spread(seconds)}${peer ? `; peer ${spread(peerSeconds)}` : ''}`);
  process.stdout.write(`${JSON.stringify(figures)}\n`);
} catch (error) {
  process.stderr.write(`push-to-live failed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  for (const close of stop.reverse()) await close();
  await rm(directory, { recursive: true, force: true });
}

/** One commit, pushed to the one and then to the other, never both at once. */
async function both(
  author: Author,
  fleet: Fleet,
  peer: Peer | undefined,
  edit: Edit,
  what: string,
): Promise<[own: number, peer: number | null]> {
  await pause(pauseMs);
  const { seconds, output } = await author.push(fleet.remote);
  await mustServe(fleet.urls, edit);
  const said = [...output.matchAll(/live \d+\/\d+ +\d+ ms/g)].at(-1)?.[0] ?? 'no result line';
  if (!peer) {
    say(`${what}: ${rounded(seconds)} s (${said})`);
    return [seconds, null];
  }
  await pause(pauseMs);
  const other = await author.push(peer.remote);
  for (const [index, bytes] of (await peer.read(edit.path)).entries()) {
    if (!bytes.equals(edit.bytes)) throw new Error(`peer server ${index + 1} serves an old ${edit.path}`);
  }
  say(`${what}: ${rounded(seconds)} s (${said}), peer ${rounded(other.seconds)} s`);
  return [seconds, other.seconds];
}

async function mustServe(urls: readonly string[], { path, bytes, tree }: Edit): Promise<void> {
  const escaped = path.split('/').map(encodeURIComponent).join('/');
  await Promise.all(
    urls.map(async (url) => {
      const response = await fetch(`${url}/${escaped}`);
      const body = Buffer.from(await response.arrayBuffer());
      const served = response.headers.get('treecast-tree');
      if (!response.ok) throw new Error(`${url} answers ${response.status} for ${path}`);
      if (!body.equals(bytes)) throw new Error(`${url} serves other bytes of ${path} than were pushed`);
      if (served !== tree) throw new Error(`${url} serves tree ${served}, not ${tree}`);
    }),
  );
}

async function verifyAll(author: Author, fleet: Fleet): Promise<void> {
  const wanted = await author.tree();
  const verified = await fleet.verify();
  const wrong = verified.nodes.filter(({ ok, tree }) => !ok || tree !== wanted);
  if (verified.nodes.length !== nodes || wrong.length > 0)
    throw new Error(
      `verify: ${wrong.map(({ name, tree }) => `${name} has ${tree}`).join(', ')}, not ${wanted}`,
    );
  say(`verify: all ${nodes} nodes hold tree ${wanted}`);
}

function spread(seconds: readonly number[]): string {
  return `${rounded(Math.min(...seconds))} to ${rounded(Math.max(...seconds))} s, median ${rounded(median(seconds))} s`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
