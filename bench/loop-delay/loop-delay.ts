// Whether the CCM keeps answering while it builds: how late its event loop and /healthz are during the build of a large push of
// incompressible files, and how much memory it takes. The CCM is the program itself with a probe loaded before it.

import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { loopbackPlaces, type Place } from '../../test/lab/places.ts';
import { createFleet, type Fleet } from '../../test/lab/program-fleet.ts';
import { runProgram } from '../../test/lab/run-program.ts';
import type { Bench } from '../bench.ts';
import { type GeneratedFile, generateRepository, incompressible } from '../generated-repository.ts';
import { peakMb } from '../process-figures.ts';
import { gitEnvironment } from '../push-to-live/author.ts';
import { percentile, rounded } from '../push-to-live/figures.ts';

const gibibyte = 1024 ** 3;
const smallFiles = 1000;
const healthEveryMs = 50;
const phaseEveryMs = 100;

export const loopDelay: Bench = {
  name: 'loop-delay',
  summary: 'event-loop delay, /healthz and memory of a CCM while it builds a large push',
  usage: '[--gib 4]',
  options: { gib: { type: 'string', default: '4' } },
  async run({ values, say, report }) {
    const gib = Number(values['gib']);
    if (!(gib > 0 && gib <= 64)) {
      process.stderr.write('--gib is a number up to 64\n');
      return 2;
    }
    const directory = await mkdtemp(join(tmpdir(), 'treecast-bench-loop-'));
    try {
      const repository = join(directory, 'author.git');
      await generateRepository(repository, site(gib * gibibyte));
      say(`${smallFiles + 1} files of ${gib} GiB are ready`);
      const socket = join(directory, 'probe.sock');
      process.env['TREECAST_BENCH_PROBE'] = socket;
      const preload = `--import=${pathToFileURL(join(import.meta.dirname, 'probe.ts')).href}`;
      process.env['NODE_OPTIONS'] = `${process.env['NODE_OPTIONS'] ?? ''} ${preload}`;
      const [ccm, ...nodes] = loopbackPlaces(2) as [Place, Place];
      const fleet = await createFleet(join(directory, 'fleet'), ccm, nodes);
      try {
        const figures = await measureBuild(fleet, repository, socket, say);
        report({ bench: 'loop-delay', gib, ...figures });
      } finally {
        await fleet.close();
      }
      return 0;
    } finally {
      delete process.env['NODE_OPTIONS'];
      await rm(directory, { recursive: true, force: true });
    }
  },
};

async function measureBuild(fleet: Fleet, repository: string, socket: string, say: (line: string) => void) {
  const children = watchChildren(fleet.ccmPid());
  const push = runProgram(
    'git',
    ['--git-dir', repository, 'push', '--quiet', '-o', 'nowait', fleet.remote, 'publish:main'],
    { env: gitEnvironment },
  );
  const began = performance.now();
  // Awaited below; until then its failure must not count as unhandled.
  push.catch(() => undefined);
  const job = await Promise.race([untilPhase(fleet, (phase) => phase === 'planning'), push.then(neverEnds)]);
  say(
    `received after ${rounded((performance.now() - began) / 1000)} s; memory so far ${peakMb(fleet.ccmPid())} MB`,
  );
  await askProbe(socket, 'start');
  const health = watchHealth(new URL('/healthz', fleet.remote));
  const built = performance.now();
  const { phase } = await untilPhase(fleet, (now) => now !== 'planning');
  const delays = JSON.parse(await askProbe(socket, 'stop')) as { p99_ms: number; max_ms: number };
  const answers = await health.end();
  say(`built in ${rounded((performance.now() - built) / 1000)} s; ${answers.length} answers of /healthz`);
  if (phase !== 'staging') throw new Error(`the build ended as ${phase}`);
  // The nodes' part is not what is measured here.
  await fleet.client.jobs.abort(job.id);
  await push;
  say(`peak memory of the CCM's git: ${children.end()} MB, not part of rss_mb`);
  return {
    p99_ms: rounded(delays.p99_ms),
    max_ms: rounded(delays.max_ms),
    healthz_p99_ms: rounded(percentile(answers, 0.99)),
    rss_mb: peakMb(fleet.ccmPid()),
  };
}

function neverEnds(): Promise<never> {
  return new Promise(() => undefined);
}

async function untilPhase({ client, site }: Fleet, fits: (phase: string) => boolean) {
  for (;;) {
    const [job] = await client.jobs.list({ site, limit: 1 });
    if (job !== undefined && fits(job.phase)) return job;
    await pause(phaseEveryMs);
  }
}

async function askProbe(socket: string, command: 'start' | 'stop'): Promise<string> {
  const connection = connect(socket);
  connection.write(command);
  return text(connection);
}

/** Milliseconds of each answer, asked for at a steady rate whatever the earlier ones do. */
function watchHealth(url: URL): { end(): Promise<number[]> } {
  const agent = new Agent({ keepAlive: true });
  const asked: Promise<number>[] = [];
  const ask = (): void => {
    const began = performance.now();
    asked.push(
      new Promise((resolve, reject) => {
        get(url, { agent }, (response) => {
          response.resume().on('end', () => {
            if (response.statusCode === 200) resolve(performance.now() - began);
            else reject(new Error(`/healthz answered ${response.statusCode}`));
          });
        }).on('error', reject);
      }),
    );
  };
  ask();
  const timer = setInterval(ask, healthEveryMs);
  return {
    async end() {
      clearInterval(timer);
      const answers = await Promise.all(asked);
      agent.destroy();
      return answers;
    },
  };
}

/** The largest peak of any process that the CCM started. */
function watchChildren(pid: number): { end(): number } {
  let peak = 0;
  const timer = setInterval(() => {
    for (const child of readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').map(Number)) {
      try {
        if (child > 0) peak = Math.max(peak, peakMb(child));
      } catch {
        // It has ended meanwhile.
      }
    }
  }, 250);
  return {
    end() {
      clearInterval(timer);
      return peak;
    },
  };
}

/** One file of a third of it all and more than 1 GiB where there is as much, the rest in equal ones. */
function* site(bytes: number): Generator<GeneratedFile> {
  const large = Math.floor(Math.min(bytes / 3, 1.25 * gibibyte));
  const small = Math.floor((bytes - large) / smallFiles);
  yield { path: 'video/large.bin', bytes: large, pieces: () => incompressible(large, 0) };
  for (let number = 1; number <= smallFiles; number += 1) {
    const path = `images/${number % 32}/image-${number}.bin`;
    yield { path, bytes: small, pieces: () => incompressible(small, number) };
  }
}
