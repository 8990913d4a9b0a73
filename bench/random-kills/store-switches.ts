// Many switches of agents' stores, each in a process of its own that is killed now and then, under threads that read them. No CCM: what
// is judged is the store alone, at a rate that a fleet does not reach.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { exportPrivateKey, generatePrivateKey } from '../../src/net/tls/key-pair.ts';
import { endOf } from '../../test/lab/processes.ts';
import { type HammerCounts, startHammer, sumOf } from './hammer.ts';
import type { Chance } from './seeded-chance.ts';

export interface StoreSwitches {
  readonly switches: number;
  readonly kills: number;
  readonly counts: HammerCounts;
}

export interface StoreSwitchesOptions {
  readonly directory: string;
  readonly switches: number;
  readonly kills: number;
  readonly stores: number;
  readonly chance: Chance;
  readonly say: (line: string) => void;
}

export async function runStoreSwitches(options: StoreSwitchesOptions): Promise<StoreSwitches> {
  const { directory, stores, chance, say } = options;
  await mkdir(directory, { recursive: true });
  const keys = join(directory, 'keys.json');
  const contentKey = { id: 'bench-1', key: randomBytes(32).toString('base64') };
  await writeFile(keys, JSON.stringify({ releasePem: exportPrivateKey(generatePrivateKey()), contentKey }));
  const sites = Array.from({ length: stores }, (_, n) => `site-${n + 1}`);
  const root = join(directory, 'sites');
  await mkdir(root);
  const perStore = Math.ceil(options.switches / stores);
  const killsPerStore = Math.ceil(options.kills / stores);
  const first = sites.map((site) => runOne(site, 3, 0));
  await Promise.all(first);
  const hammers = sites.map((site) => startHammer([join(root, site, 'live')]));
  const results = await Promise.all(sites.map((site) => runOne(site, perStore, killsPerStore)));
  const counts = await Promise.all(hammers.map((hammer) => hammer.end()));
  return {
    switches: results.reduce((sum, { switches }) => sum + switches, 0),
    kills: results.reduce((sum, { kills }) => sum + kills, 0),
    counts: sumOf(counts),
  };

  /** Kills come after seeded numbers of switches and a seeded moment on; the last one ends it. */
  async function runOne(site: string, wanted: number, killsWanted: number) {
    let switches = 0;
    let kills = 0;
    while (switches < wanted) {
      const left = killsWanted - kills;
      const run =
        left > 0
          ? chance.below(Math.ceil((2 * (wanted - switches)) / (left + 1)) + 1) + 1
          : wanted - switches;
      switches += await runUntil(site, Math.min(run, wanted - switches), left > 0 ? chance.below(30) : 0);
      kills += 1;
      if (kills % 10 === 0) say(`${site}: ${switches} switches, ${kills} kills`);
    }
    return { switches, kills };
  }

  async function runUntil(site: string, wanted: number, thenMs: number): Promise<number> {
    const child = startChild(site);
    let done = 0;
    for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
      if (!line.startsWith('switched')) continue;
      done += 1;
      if (done === wanted) setTimeout(() => child.kill('SIGKILL'), thenMs);
    }
    const { signal, code } = await endOf(child);
    if (signal !== 'SIGKILL') throw new Error(`the store of ${site} ended with ${signal ?? code}`);
    return done;
  }

  function startChild(site: string): ChildProcess {
    const program = fileURLToPath(new URL('./store-child.ts', import.meta.url));
    return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, root, keys, site], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }
}
