// A thread that reads sites through their `live` links as fast as it can and judges each read. It decides nothing about kills or switches.
//
// By path: each file through `live`, which must be there, be whole, and never be of an older version than the one read before it.
// As a whole: the directory that `live` names is opened once and all files are read from it. When `live` moved at most one release on
// meanwhile, that tree is still kept, and all of it must be there and of one version; when it moved further it is not judged.

import fs from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { siteFiles, versionOf } from './versioned-site.ts';

export interface HammerCounts {
  /** Files read by path. */
  reads: number;
  /** Trees read as a whole, and such as were not judged. */
  trees: number;
  unjudged: number;
  /** Changes of `live` that were seen; there may have been more. */
  switches: number;
  missing: number;
  torn: number;
  mixed: number;
  backwards: number;
}

export interface Hammer {
  /** Stops reading. */
  end(): Promise<HammerCounts>;
}

export function startHammer(lives: readonly string[]): Hammer {
  const worker = new Worker(new URL(import.meta.url), { workerData: lives });
  const result = new Promise<HammerCounts>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  return {
    end() {
      worker.postMessage('end');
      return result;
    },
  };
}

export function isRight({ missing, torn, mixed, backwards }: HammerCounts): boolean {
  return missing + torn + mixed + backwards === 0;
}

export function sumOf(counts: readonly HammerCounts[]): HammerCounts {
  const sum = emptyCounts();
  for (const one of counts)
    for (const key of Object.keys(sum) as (keyof HammerCounts)[]) sum[key] += one[key];
  return sum;
}

function emptyCounts(): HammerCounts {
  return { reads: 0, trees: 0, unjudged: 0, switches: 0, missing: 0, torn: 0, mixed: 0, backwards: 0 };
}

function read(path: string): Buffer | undefined {
  try {
    return fs.readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

interface Site {
  readonly live: string;
  newest: number;
  target: string;
}

function readByPath(site: Site, counts: HammerCounts): void {
  for (const path of siteFiles) {
    counts.reads += 1;
    const bytes = read(`${site.live}/${path}`);
    if (bytes === undefined) {
      counts.missing += 1;
      continue;
    }
    const version = versionOf(path, bytes);
    if (version === undefined) counts.torn += 1;
    else if (version < site.newest) counts.backwards += 1;
    else site.newest = version;
  }
}

function readAsWhole(site: Site, counts: HammerCounts): void {
  const before = fs.readlinkSync(site.live);
  const handle = fs.openSync(site.live, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  const versions = new Set<number | undefined>();
  let missing = 0;
  try {
    for (const path of siteFiles) {
      const bytes = read(`/proc/self/fd/${handle}/${path}`);
      if (bytes === undefined) missing += 1;
      else versions.add(versionOf(path, bytes));
    }
  } finally {
    fs.closeSync(handle);
  }
  const after = fs.readlinkSync(site.live);
  if (after !== site.target) counts.switches += 1;
  site.target = after;
  if (sequenceOf(after) - sequenceOf(before) > 1) {
    counts.unjudged += 1;
    return;
  }
  counts.trees += 1;
  counts.missing += missing;
  if (versions.has(undefined)) counts.torn += 1;
  else if (versions.size > 1) counts.mixed += 1;
}

/** Of `trees/1-0042` or `trees/1-0042.2`. */
function sequenceOf(target: string): number {
  return Number(/-(\d+)/.exec(target)?.[1]);
}

function hammer(lives: readonly string[]): void {
  const counts = emptyCounts();
  const sites = lives.map((live) => ({ live, newest: 0, target: fs.readlinkSync(live) }));
  let isEnding = false;
  parentPort?.once('message', () => {
    isEnding = true;
  });
  const turn = (): void => {
    for (const site of sites) {
      readByPath(site, counts);
      readAsWhole(site, counts);
    }
    if (isEnding) parentPort?.postMessage(counts);
    // A pause, so that the switches get their share of few cores.
    else setTimeout(turn, 2);
  };
  turn();
}

if (!isMainThread && Array.isArray(workerData)) hammer(workerData as string[]);
