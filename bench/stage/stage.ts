// Stage and switch of a one-file change in a small and a large site: the time, and the number of file-system calls, must not
// depend on the size of the site. Runs are interleaved; background trees are ready before each.

import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Bench } from '../bench.ts';
import { type MeasuredSite, type Measurement, openMeasuredSite } from './measured-site.ts';

export const stage: Bench = {
  name: 'stage',
  summary: 'stage and switch of a one-file change, small site against large',
  usage: '[--files 5000,500000] [--runs 40] [--dir DIRECTORY]',
  options: {
    files: { type: 'string', default: '5000,500000' },
    runs: { type: 'string', default: '40' },
    dir: { type: 'string' },
  },
  async run({ values, say, report }) {
    const files = String(values['files']).split(',').map(Number);
    const runs = Number(values['runs']);
    if (files.length !== 2 || !files.every((n) => Number.isInteger(n) && n >= 100) || !(runs >= 1)) {
      say('--files takes two sizes of at least 100, --runs a number of at least 1');
      return 2;
    }
    const parent = typeof values['dir'] === 'string' ? values['dir'] : os.tmpdir();
    const root = fs.mkdtempSync(path.join(parent, 'treecast-bench-stage-'));
    const sites: MeasuredSite[] = [];
    try {
      for (const [n, size] of files.entries()) {
        sites.push(await openMeasuredSite(path.join(root, String(n)), size, say));
      }
      const [small, large] = sites as [MeasuredSite, MeasuredSite];
      const figures = await measureBoth(small, large, runs);
      report({ bench: 'stage', files, ...figures });
      const right = (await small.isRight()) && (await large.isRight());
      if (!right) say('a site is not what was published last');
      return right ? 0 : 1;
    } finally {
      for (const site of sites) await site.close();
      fs.rmSync(root, { recursive: true, force: true });
    }
  },
};

const warmUpRuns = 30;

type Kind = 'hot' | 'random' | 'after-abort' | 'after-rollback';

async function measureBoth(small: MeasuredSite, large: MeasuredSite, runs: number) {
  const sides = [
    { site: small, found: [] as (Measurement & { kind: Kind })[] },
    { site: large, found: [] as (Measurement & { kind: Kind })[] },
  ];
  const random = createRandom(42);

  async function both(kind: Kind, run: (site: MeasuredSite) => Promise<Measurement>): Promise<void> {
    // Who goes first alternates, so that neither always runs after the other's writes.
    const order = sides[0] && sides[0].found.length % 2 === 1 ? [...sides].reverse() : sides;
    for (const { site, found } of order) found.push({ kind, ...(await run(site)) });
  }

  // Not counted: writing back what the preparations left, compiling, first use of everything.
  await promisify(execFile)('sync');
  for (let n = 0; n < warmUpRuns; n++) for (const { site } of sides) await site.publishEdit(n);
  for (let n = 0; n < runs; n++) {
    await both('hot', (site) => site.publishEdit(0));
    const share = random();
    await both('random', (site) => site.publishEdit(Math.floor(share * site.files)));
  }
  for (let n = 0; n < Math.ceil(runs / 8); n++) {
    const share = random();
    await both('after-abort', async (site) => {
      await site.stageAndAbort(Math.floor(share * site.files));
      return site.publishEdit(Math.floor((1 - share) * site.files));
    });
    await both('after-rollback', async (site) => {
      await site.rollBack();
      return site.publishEdit(Math.floor(share * site.files));
    });
  }
  const [a, b] = sides.map(({ found }) => found) as [(typeof sides)[0]['found'], (typeof sides)[0]['found']];
  const smallMs = median(a.map(({ ms }) => ms));
  const largeMs = median(b.map(({ ms }) => ms));
  return {
    small_ms: round(smallMs),
    large_ms: round(largeMs),
    ratio: round(largeMs / smallMs),
    small_ops: median(a.map(({ ops }) => ops)),
    large_ops: median(b.map(({ ops }) => ops)),
    small_background_ops: median(a.map(({ backgroundOps }) => backgroundOps)),
    large_background_ops: median(b.map(({ backgroundOps }) => backgroundOps)),
    syncs: median(b.map(({ syncs }) => syncs)),
    small_p95_ms: round(
      quantile(
        a.map(({ ms }) => ms),
        0.95,
      ),
    ),
    large_p95_ms: round(
      quantile(
        b.map(({ ms }) => ms),
        0.95,
      ),
    ),
    kinds: Object.fromEntries(
      (['hot', 'random', 'after-abort', 'after-rollback'] as const).map((kind) => [
        kind,
        [a, b].map((found) => {
          const own = found.filter((one) => one.kind === kind);
          return { ms: round(median(own.map(({ ms }) => ms))), ops: median(own.map(({ ops }) => ops)) };
        }),
      ]),
    ),
    runs: a.length,
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((x, y) => x - y);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Mulberry32: the same paths in every run of the bench. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
