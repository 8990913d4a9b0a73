// Measures, inside the CCM's namespace: each round a new fleet and a new peer get the same first push, in turn, each alone on the
// machine, the disk synced before. Nothing is removed before the end: ext4 without a journal passes over lately freed inodes one by one,
// which makes every new file after a large removal ten times dearer. One wrong byte or tree fails the run.

import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loopbackPlaces, type Place, parsePlaces } from '../../test/lab/places.ts';
import type { Fleet } from '../../test/lab/program-fleet.ts';
import { runProgram } from '../../test/lab/run-program.ts';
import { createFleetOf, type Delivery, deliveries } from '../deliveries.ts';
import { type GeneratedFile, generateRepository, page } from '../generated-repository.ts';
import { peakMb } from '../process-figures.ts';
import { push } from '../push-to-live/author.ts';
import { median, rounded } from '../push-to-live/figures.ts';
import { createPeer } from '../push-to-live/peer.ts';

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '1000' },
    bytes: { type: 'string', default: '1024' },
    nodes: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '1' },
    segment: { type: 'boolean', default: false },
    peer: { type: 'boolean', default: false },
    places: { type: 'string' },
  },
});
const [files, bytes, nodes, rounds] = [values.files, values.bytes, values.nodes, values.rounds].map(
  Number,
) as [number, number, number, number];
const [ccmPlace, ...nodePlaces] = values.places ? parsePlaces(values.places) : loopbackPlaces(nodes + 1);
if (ccmPlace === undefined) throw new Error('no place for the CCM');

const filesPerDirectory = 100;
/** Read back from every server. */
const probe = pathOf(files - 1);

const directory = await mkdtemp(join(tmpdir(), 'treecast-bench-first-'));
// The peer's servers run as another user.
await chmod(directory, 0o711);
try {
  const repository = join(directory, 'author.git');
  const tree = await generateRepository(repository, site());
  say(`a site of ${files} files of ${bytes} bytes is ready`);
  const measured = (values.segment ? deliveries : ([deliveries[0]] as const)).map((delivery) => ({
    delivery,
    seconds: [] as number[],
  }));
  const peerSeconds: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const own = measured.map(
      ({ delivery, seconds }) =>
        () =>
          treecast(repository, tree, round, delivery).then((took) => seconds.push(took)),
    );
    const other = () => tarOverSsh(repository, round).then((took) => peerSeconds.push(took));
    const turns = values.peer ? [...own, other] : own;
    for (const turn of round % 2 === 1 ? turns : turns.reverse()) await turn();
    const said = measured.map(({ delivery, seconds }) => `${delivery} ${seconds.at(-1)?.toFixed(3)} s`);
    say(`round ${round}: ${said.join(', ')}, peer ${peerSeconds.at(-1)?.toFixed(3) ?? 'not asked'} s`);
  }
  for (const { delivery, seconds } of measured) {
    const ratio = values.peer
      ? median(seconds.map((own, round) => own / (peerSeconds[round] as number)))
      : null;
    const figures = {
      bench: 'first-push',
      files,
      bytes,
      nodes,
      delivery,
      rounds,
      first_s: rounded(median(seconds)),
      peer_first_s: values.peer ? rounded(median(peerSeconds)) : null,
      ratio: ratio === null ? null : rounded(ratio),
    };
    process.stdout.write(`${JSON.stringify(figures)}\n`);
  }
} catch (error) {
  process.stderr.write(`first-push failed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await rm(directory, { recursive: true, force: true });
}

async function treecast(
  repository: string,
  tree: string,
  round: number,
  delivery: Delivery,
): Promise<number> {
  const home = join(directory, `${delivery}${round}`);
  const fleet = await createFleetOf(delivery, home, ccmPlace as Place, nodePlaces);
  try {
    await runProgram('sync', []);
    const { seconds } = await push(repository, fleet.remote);
    await mustServe(fleet);
    const agents = nodePlaces.map((_, index) => peakMb(fleet.agentPid(index)));
    say(`peak memory: CCM ${peakMb(fleet.ccmPid())} MB, agents ${agents.join(', ')} MB`);
    const verified = await fleet.verify();
    const wrong = verified.nodes.filter((node) => !node.ok || node.tree !== tree);
    if (verified.nodes.length !== nodes || wrong.length > 0) throw new Error('a node does not hold the tree');
    return seconds;
  } finally {
    await fleet.close();
  }
}

async function mustServe(fleet: Fleet): Promise<void> {
  for (const url of fleet.urls) {
    const body = Buffer.from(await (await fetch(`${url}/${probe}`)).arrayBuffer());
    if (!body.equals(page(bytes, files - 1))) throw new Error(`${url} does not serve ${probe}`);
  }
}

async function tarOverSsh(repository: string, round: number): Promise<number> {
  const home = join(directory, `peer${round}`);
  const peer = await createPeer(home, nodePlaces, 'tar');
  try {
    await runProgram('sync', []);
    const { seconds } = await push(repository, peer.remote);
    for (const read of await peer.read(probe)) {
      if (!read.equals(page(bytes, files - 1))) throw new Error('a server of the peer has other bytes');
    }
    for (const [index] of nodePlaces.entries()) {
      const listed = await runProgram('find', [
        `${home}/server${index + 1}/site/live/`,
        '-type',
        'f',
        '-printf',
        '.',
      ]);
      if (listed.length !== files) throw new Error(`a server of the peer has ${listed.length} files`);
    }
    return seconds;
  } finally {
    await peer.close();
  }
}

function* site(): Generator<GeneratedFile> {
  for (let number = 0; number < files; number += 1) {
    yield { path: pathOf(number), bytes, pieces: () => [page(bytes, number)] };
  }
}

function pathOf(number: number): string {
  const leaf = Math.floor(number / filesPerDirectory);
  return `section-${leaf % 100}/part-${leaf}/page-${number}.html`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
