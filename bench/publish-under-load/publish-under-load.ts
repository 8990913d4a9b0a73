// Fifty publishes while readers are served: what they notice. Real nginx, HAProxy and Varnish on this machine; open loop at 30 % of the
// capacity measured just before; windows with and without publishes alternate, so that a noisy machine is noisy in both.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { releaseName } from '../../src/model/release.ts';
import { type Author, createAuthor } from '../../test/lab/author.ts';
import { createWebFarm, type WebFarm } from '../../test/lab/farm/web-farm.ts';
import type { Bench } from '../bench.ts';
import { median, percentile, rounded } from '../push-to-live/figures.ts';
import type { WindowFigures, WindowRequest } from './load-generator.ts';
import { writeAssets, writePages } from './site-content.ts';

const nodes = 2;
const pairsMin = 10;
const loadShare = 0.3;
const capacityMs = 3_000;
const windowMinMs = 2_000;
const cleanTimeoutMs = 60_000;
const lowest = 19;

export const publishUnderLoad: Bench = {
  name: 'publish-under-load',
  summary:
    'what readers notice of publishes: failed, mixed and stale responses, and the ratio of the 99th percentiles',
  usage: '[--publishes 50] [--pairs 10]',
  options: {
    publishes: { type: 'string', default: '50' },
    pairs: { type: 'string', default: String(pairsMin) },
  },
  async run({ values, say, report }) {
    const publishes = Number(values['publishes']);
    const pairs = Number(values['pairs']);
    if (!Number.isInteger(publishes) || !Number.isInteger(pairs) || pairs < 1 || publishes < pairs) {
      process.stderr.write('--publishes and --pairs are numbers, with at least one publish a pair\n');
      return 2;
    }
    const directory = await mkdtemp(join(tmpdir(), 'treecast-load-'));
    const author = await createAuthor();
    let farm: WebFarm | undefined;
    try {
      farm = await createWebFarm({ directory, nodes, cache: { fetchBound: 0.5 } });
      const figures = await measure(farm, author, publishes, pairs, say);
      report(figures);
      const { failed_requests, stale_responses, mixed_trees, lost_304, reloads } = figures;
      return failed_requests + stale_responses + mixed_trees + lost_304 + reloads === 0 ? 0 : 1;
    } finally {
      await farm?.close();
      await author.remove();
      await rm(directory, { recursive: true, force: true, maxRetries: 20 });
    }
  },
};

async function measure(
  farm: WebFarm,
  author: Author,
  publishes: number,
  pairs: number,
  say: (line: string) => void,
) {
  const load = startLoad(farm);
  // The author's computer and the CCM are other machines in life: here they take what the servers leave.
  for (const thread of await readdir(`/proc/${farm.fleet.ccmPid()}/task`))
    setPriority(Number(thread), lowest);
  setPriority(lowest);
  try {
    /** Versions by the release that they were published as. */
    const versions = new Map<string, number>();
    let version = 0;
    const publish = async (): Promise<void> => {
      version += 1;
      const { release, job } = await publishVersion(farm, author, version);
      versions.set(release, version);
      await untilClean(farm, job);
      load.clean(version);
    };
    await writeAssets(author);
    await publish();
    await load.window({ milliseconds: 1_000, rate: null, concurrency: 16 });
    const capacity = await load.window({ milliseconds: capacityMs, rate: null, concurrency: 16 });
    const rate = Math.max(1, Math.round((capacity.requests / (capacityMs / 1000)) * loadShare));
    say(`capacity ${Math.round(capacity.requests / (capacityMs / 1000))} requests/s; load ${rate}/s`);
    const reloadsBefore = await farm.reloads();
    const windows: WindowFigures[] = [];
    const ratios: number[] = [];
    const p99s: { readonly quiet: number; readonly busy: number }[] = [];
    const liveMs: number[] = [];
    let done = 0;
    for (let pair = 0; pair < pairs; pair++) {
      const share = Math.round(((pair + 1) * publishes) / pairs) - done;
      const busyWindow = async (): Promise<[WindowFigures, number]> => {
        // As long as its publishes take: the load goes on until the last cache is clean.
        const startedAt = performance.now();
        let figures: WindowFigures[] = [];
        let publishing = true;
        const loading = (async () => {
          do
            figures = [
              ...figures,
              await load.window({ milliseconds: windowMinMs / 2, rate, concurrency: 0 }),
            ];
          while (publishing);
        })();
        try {
          for (let index = 0; index < share; index++) {
            const at = performance.now();
            await publish();
            liveMs.push(performance.now() - at);
          }
        } finally {
          publishing = false;
          await loading;
        }
        return [unite(figures), performance.now() - startedAt];
      };
      const quietWindow = (milliseconds: number) => load.window({ milliseconds, rate, concurrency: 0 });
      // Which comes first changes, so that a drift of the machine favours neither.
      const quietFirst = pair % 2 === 0 ? await quietWindow(windowMinMs * 2) : undefined;
      const [busy, milliseconds] = await busyWindow();
      const quiet = quietFirst ?? (await quietWindow(Math.max(windowMinMs, milliseconds)));
      done += share;
      windows.push(busy, quiet);
      const found = { quiet: percentile(quiet.latencies, 0.99), busy: percentile(busy.latencies, 0.99) };
      p99s.push(found);
      ratios.push(found.busy / found.quiet);
      say(
        `pair ${pair + 1}: p99 ${rounded(found.quiet)} ms without, ${rounded(found.busy)} ms with ${share} publishes`,
      );
      for (const reason of [...busy.reasons, ...quiet.reasons]) say(`  ${reason}`);
    }
    const all = unite(windows);
    const wrongPairs = all.pairs.filter(([release, seen]) => versions.get(release) !== seen);
    for (const [release, seen] of wrongPairs.slice(0, 5)) say(`  ${release} came with version ${seen}`);
    return {
      bench: 'publish-under-load',
      publishes,
      pairs,
      requests: all.requests,
      rate,
      capacity: Math.round(capacity.requests / (capacityMs / 1000)),
      failed_requests: all.failed,
      stale_responses: all.stale,
      mixed_trees: all.torn + wrongPairs.length,
      conditional_requests: all.conditional,
      lost_304: all.lost304,
      p99_ratio: rounded(median(ratios)),
      p99_ratio_min: rounded(Math.min(...ratios)),
      p99_ratio_max: rounded(Math.max(...ratios)),
      p99_quiet_ms: rounded(median(p99s.map(({ quiet }) => quiet))),
      p99_busy_ms: rounded(median(p99s.map(({ busy }) => busy))),
      push_to_clean_ms: rounded(median(liveMs)),
      reloads: (await farm.reloads()) - reloadsBefore,
    };
  } finally {
    load.close();
  }
}

function startLoad(farm: WebFarm) {
  const child = fork(
    join(import.meta.dirname, 'load-generator.ts'),
    [farm.host, String(farm.varnish), String(farm.haproxy)],
    { execArgv: ['--disable-warning=ExperimentalWarning'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  );
  const died = once(child, 'exit').then(([code]) => {
    throw new Error(`the load generator ended (${code})`);
  });
  // Looked at while a window is waited for; at the end it is ended on purpose.
  died.catch(() => undefined);
  return {
    clean: (version: number) => void child.send({ clean: version }),
    async window(window: WindowRequest['window']): Promise<WindowFigures> {
      child.send({ window } satisfies WindowRequest);
      const [figures] = (await Promise.race([once(child, 'message'), died])) as [WindowFigures];
      return figures;
    },
    close: () => void child.kill(),
  };
}

async function publishVersion(
  farm: WebFarm,
  author: Author,
  version: number,
): Promise<{ release: string; job: string }> {
  await writePages(author, version);
  await author.commit(`version ${version}`);
  const { code, stderr } = await author.push(farm.fleet.remote);
  if (code !== 0) throw new Error(`the push of version ${version} failed:\n${stderr}`);
  const { job } = await farm.fleet.client.sites.status(farm.fleet.site);
  if (job?.phase !== 'succeeded' || job.release === null || job.nodes.some(({ state }) => state !== 'live'))
    throw new Error(`version ${version} is not live everywhere:\n${stderr}`);
  return { release: releaseName(job.release), job: job.id };
}

async function untilClean(farm: WebFarm, job: string): Promise<void> {
  const until = performance.now() + cleanTimeoutMs;
  for (;;) {
    const tasks = await farm.fleet.client.plugins.tasks({ job });
    const purges = tasks.filter(({ hook }) => hook === 'invalidate');
    if (purges.length > 0 && purges.every(({ state }) => state === 'done')) return;
    const failed = purges.find(({ state, error }) => state === 'failed' || error !== null);
    if (failed?.error != null) throw new Error(`a purge failed: ${failed.error.message}`);
    if (performance.now() > until)
      throw new Error(`caches are not clean after job ${job}: ${JSON.stringify(tasks)}`);
    await pause(25);
  }
}

function unite(windows: readonly WindowFigures[]): WindowFigures {
  const sum = (of: (figures: WindowFigures) => number): number =>
    windows.reduce((total, each) => total + of(each), 0);
  return {
    requests: sum(({ requests }) => requests),
    failed: sum(({ failed }) => failed),
    torn: sum(({ torn }) => torn),
    stale: sum(({ stale }) => stale),
    conditional: sum(({ conditional }) => conditional),
    lost304: sum(({ lost304 }) => lost304),
    latencies: windows.flatMap(({ latencies }) => latencies),
    pairs: windows.flatMap(({ pairs }) => pairs),
    reasons: windows.flatMap(({ reasons }) => reasons),
  };
}
