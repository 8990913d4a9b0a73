// What an agent costs while nothing is published: processor time of all its threads, and memory, connected to a CCM and holding one
// site. The agent is restarted first, as one that has run for weeks has long forgotten its first start.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../src/plugins/testing/until.ts';
import { loopbackPlaces, type Place } from '../../test/lab/places.ts';
import { createFleet } from '../../test/lab/program-fleet.ts';
import type { Bench } from '../bench.ts';
import { type GeneratedFile, generateRepository, page } from '../generated-repository.ts';
import { processorSeconds, residentMb } from '../process-figures.ts';
import { push } from '../push-to-live/author.ts';
import { rounded } from '../push-to-live/figures.ts';

/** What follows a start and a publish: trees made by links, compiled code kept. */
const settleMs = 20_000;
const sampleMs = 5_000;

export const agentIdle: Bench = {
  name: 'agent-idle',
  summary: 'processor time and memory of a connected agent while nothing is published',
  usage: '[--minutes 10] [--files 1000] [--settle-s 20]',
  options: {
    minutes: { type: 'string', default: '10' },
    files: { type: 'string', default: '1000' },
    'settle-s': { type: 'string', default: String(settleMs / 1000) },
  },
  async run({ values, say, report }) {
    const minutes = Number(values['minutes']);
    const files = Number(values['files']);
    const settleS = Number(values['settle-s']);
    if (!(minutes > 0) || !(Number.isInteger(files) && files >= 1) || !(settleS >= 0)) {
      process.stderr.write('--minutes and --settle-s are numbers of at least 0, --files one of at least 1\n');
      return 2;
    }
    const directory = await mkdtemp(join(tmpdir(), 'treecast-bench-idle-'));
    try {
      await generateRepository(join(directory, 'author.git'), site(files));
      const [ccm, ...nodes] = loopbackPlaces(2) as [Place, Place];
      const fleet = await createFleet(join(directory, 'fleet'), ccm, nodes);
      try {
        await push(join(directory, 'author.git'), fleet.remote);
        await pause(settleS * 1000);
        await fleet.restartAgent(0, 'SIGTERM');
        await until(
          'the agent is connected',
          async () => (await fleet.client.nodes.list())[0]?.connected === true,
        );
        await pause(settleS * 1000);
        const pid = fleet.agentPid(0);
        const before = processorSeconds(pid);
        const began = performance.now();
        let rss = 0;
        while (performance.now() - began < minutes * 60_000) {
          await pause(Math.min(sampleMs, minutes * 60_000));
          rss = Math.max(rss, residentMb(pid));
        }
        const elapsedS = (performance.now() - began) / 1000;
        const seconds = processorSeconds(pid) - before;
        say(`${rounded(seconds)} s of processor time in ${rounded(elapsedS)} s`);
        report({
          bench: 'agent-idle',
          minutes,
          files,
          cpu_percent: rounded((100 * seconds) / elapsedS),
          rss_mb: rss,
        });
      } finally {
        await fleet.close();
      }
      return 0;
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
};

function* site(files: number): Generator<GeneratedFile> {
  for (let number = 0; number < files; number += 1) {
    const bytes = 4_000 + (number % 7) * 3_000;
    yield { path: `part-${number % 20}/page-${number}.html`, bytes, pieces: () => [page(bytes, number)] };
  }
}
