// Measures, inside the CCM's namespace: pushes the same commits to each fleet and to the peer in turn, and after each push reads the changed
// file from every node at once. One old byte, one failed push or one node that disagrees at the end fails the run.

import { chmod, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { loopbackPlaces, parsePlaces } from '../../test/lab/places.ts';
import type { Fleet } from '../../test/lab/program-fleet.ts';
import { createFleetOf, type Delivery, deliveries } from '../deliveries.ts';
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
    segment: { type: 'boolean', default: false },
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
  const fleets: Measured[] = [];
  for (const delivery of values.segment ? deliveries : ([deliveries[0]] as const)) {
    const home = join(directory, delivery);
    const fleet = await createFleetOf(delivery, home, ccmPlace, nodePlaces);
    stop.push(fleet.close);
    fleets.push({ delivery, home, fleet, seconds: [], stagedMs: [] });
    say(`${fleet.urls.length} agents are connected (${delivery})`);
  }
  const peer = values.peer ? await createPeer(join(directory, 'peer'), nodePlaces) : undefined;
  if (peer) stop.push(peer.close);
  const peerSeconds: number[] = [];

  await everywhere(author, fleets, peer, peerSeconds, await author.first(), 'first push');
  for (let number = 1; number <= edits; number += 1) {
    const edit = await author.edit(number);
    await everywhere(author, fleets, peer, peerSeconds, edit, `edit ${number} (${edit.path})`);
  }
  const [peerFirst = null, ...peerEdits] = peerSeconds;
  const peerMedian = peer ? median(peerEdits) : null;
  for (const { delivery, fleet, seconds, stagedMs } of fleets) {
    await verifyAll(author, fleet);
    const [first = Number.NaN, ...own] = seconds;
    say(`edits, ${delivery}: ${spread(own)}${peer ? `; peer ${spread(peerEdits)}` : ''}`);
    const figures = {
      bench: 'push-to-live',
      nodes,
      delivery,
      first_s: rounded(first),
      edit_median_s: rounded(median(own)),
      edit_min_s: rounded(Math.min(...own)),
      edit_max_s: rounded(Math.max(...own)),
      edit_p95_s: rounded(percentile(own, 0.95)),
      staged_p50_ms: rounded(median(stagedMs.slice(1))),
      peer_first_s: peerFirst === null ? null : rounded(peerFirst),
      peer_edit_median_s: peerMedian === null ? null : rounded(peerMedian),
      ratio: peerMedian === null ? null : rounded(median(own) / peerMedian),
      first_ratio: peerFirst === null ? null : rounded(first / peerFirst),
    };
    process.stdout.write(`${JSON.stringify(figures)}\n`);
  }
} catch (error) {
  process.stderr.write(`push-to-live failed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  for (const close of stop.reverse()) await close();
  await rm(directory, { recursive: true, force: true });
}

interface Measured {
  readonly delivery: Delivery;
  readonly home: string;
  readonly fleet: Fleet;
  /** Of each push, the first one first. */
  readonly seconds: number[];
  /** From the assignment that was built to the last node that had staged it, by the CCM's clock. */
  readonly stagedMs: number[];
}

/** One commit, pushed to one after the other, never at once; who begins changes. */
async function everywhere(
  author: Author,
  fleets: readonly Measured[],
  peer: Peer | undefined,
  peerSeconds: number[],
  edit: Edit,
  what: string,
): Promise<void> {
  for (const measured of (fleets[0]?.seconds.length ?? 0) % 2 === 0 ? fleets : fleets.toReversed()) {
    await pause(pauseMs);
    const { seconds, output } = await author.push(measured.fleet.remote);
    await mustServe(measured.fleet.urls, edit);
    measured.seconds.push(seconds);
    measured.stagedMs.push(await stagingMs(measured));
    const said = [...output.matchAll(/live \d+\/\d+ +\d+ ms/g)].at(-1)?.[0] ?? 'no result line';
    say(`${what}, ${measured.delivery}: ${rounded(seconds)} s (${said})`);
  }
  if (!peer) return;
  await pause(pauseMs);
  const other = await author.push(peer.remote);
  for (const [index, bytes] of (await peer.read(edit.path)).entries()) {
    if (!bytes.equals(edit.bytes)) throw new Error(`peer server ${index + 1} serves an old ${edit.path}`);
  }
  peerSeconds.push(other.seconds);
  say(`${what}, peer: ${rounded(other.seconds)} s`);
}

/** The CCM writes the manifest just before it tells the first node. */
async function stagingMs({ fleet, home }: Measured): Promise<number> {
  const assignments = join(home, 'ccm', 'assignments');
  const built = await Promise.all(
    (await readdir(assignments))
      .filter((name) => name.endsWith('.manifest'))
      .map(async (name) => (await stat(join(assignments, name))).mtimeMs),
  );
  const { job } = await fleet.client.sites.status(fleet.site);
  const staged = (job?.nodes ?? []).map(({ stagedAt }) => Date.parse(stagedAt ?? ''));
  return Math.max(...staged) - Math.max(...built);
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
