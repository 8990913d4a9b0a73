// A fleet under a stream of pushes whose CCM and agents are killed at random instants and started again, read meanwhile through `live` and
// over HTTP from the agents' static servers. A server whose agent is dead answers nothing; what is answered must be right.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts } from '../../src/plugins/testing/free-ports.ts';
import { type Author, createAuthor } from '../../test/lab/author.ts';
import { loopbackPlaces } from '../../test/lab/places.ts';
import { createFleet, type Fleet } from '../../test/lab/program-fleet.ts';
import { type HammerCounts, startHammer, sumOf } from './hammer.ts';
import type { Chance } from './seeded-chance.ts';
import { siteFiles, siteOf, versionOf } from './versioned-site.ts';

export interface FleetKills {
  readonly kills: number;
  readonly pushes: number;
  /** Pushes whose output said that they are live on all nodes. */
  readonly live: number;
  readonly counts: HammerCounts;
  readonly responses: number;
  readonly wrongResponses: number;
  /** After the last kill: jobs that never ended, nodes that a last push or `verify` found wrong. */
  readonly wedged: number;
  readonly unverified: number;
}

export interface FleetKillsOptions {
  readonly directory: string;
  readonly nodes: number;
  readonly kills: number;
  /** Of nodes, at least, spread evenly between the kills: before each one so many pushes are live on all nodes. */
  readonly switches: number;
  readonly chance: Chance;
  readonly say: (line: string) => void;
}

const settleMs = 120_000;
/** A kill comes at most so long after everybody runs again. */
const untilKillMsMax = 400;

export async function runFleetKills(options: FleetKillsOptions): Promise<FleetKills> {
  const { directory, nodes, chance, say } = options;
  const [here, ...places] = loopbackPlaces(nodes + 1);
  if (here === undefined) throw new Error('there is no place for the CCM');
  // The same port after each start.
  const ports = await freePorts(nodes);
  const agent = (index: number) => ({
    serve: { listen: `127.0.0.1:${ports[index]}` },
    niceness: 0,
  });
  const [fleet, author] = await Promise.all([
    createFleet(directory, here, places, { logLevel: 'error', agent }),
    createAuthor(),
  ]);
  try {
    const pusher = createPusher(fleet, author);
    for (let tries = 1; !(await pusher.push()); tries++)
      if (tries === 5) throw new Error(`the first push is not live everywhere: ${pusher.said()}`);
    const lives = places.map((_, index) => join(directory, `node${index + 1}`, 'sites', fleet.site, 'live'));
    const hammer = startHammer(lives);
    const stop = new AbortController();
    const pushing = pusher.run(stop.signal);
    const asking = ask(fleet, stop.signal);
    const pushesBetween = Math.ceil(options.switches / nodes / options.kills);
    for (let kill = 1; kill <= options.kills; kill++) {
      await pusher.live(pushesBetween * kill);
      await pause(chance.below(untilKillMsMax));
      // The CCM as often as all agents together.
      const victim = chance.below(2 * nodes);
      if (victim >= nodes) await fleet.restartCcm('SIGKILL');
      else await fleet.restartAgent(victim, 'SIGKILL');
      if (kill % 20 === 0)
        say(`${kill} kills, ${pusher.pushes()} pushes, ${pusher.liveEverywhere()} live on all nodes`);
    }
    stop.abort();
    await pushing;
    const { responses, wrong } = await asking;
    const isLive = await lastPush(fleet, pusher);
    const open = (await fleet.client.jobs.list({ site: fleet.site, limit: 200 })).filter(
      (job) => !job.endedAt,
    );
    const { nodes: verified } = await fleet.verify();
    return {
      kills: options.kills,
      pushes: pusher.pushes(),
      live: pusher.liveEverywhere(),
      counts: sumOf([await hammer.end()]),
      responses,
      wrongResponses: wrong,
      wedged: open.length + (isLive ? 0 : 1),
      unverified: verified.filter(({ ok }) => !ok).length,
    };
  } finally {
    await fleet.close();
    await author.remove();
    await rm(directory, { recursive: true, force: true, maxRetries: 20 });
  }
}

interface Pusher {
  /** Whether its output said that it is live on every node. */
  push(): Promise<boolean>;
  run(signal: AbortSignal): Promise<void>;
  /** What the last one's output was. */
  said(): string;
  /** Resolves when so many pushes were live on all nodes; throws when none is for two minutes. */
  live(count: number): Promise<void>;
  pushes(): number;
  liveEverywhere(): number;
}

function createPusher(fleet: Fleet, author: Author): Pusher {
  let version = 0;
  let live = 0;
  let said = '';
  async function push(): Promise<boolean> {
    version += 1;
    for (const [path, content] of Object.entries(siteOf(version))) await author.write(path, content);
    await author.commit(`version ${version}`);
    const { stderr } = await author.push(fleet.remote);
    said = stderr;
    const [, done, all] = /live (\d+)\/(\d+)/.exec(stderr) ?? [];
    const isLive = done !== undefined && done === all;
    if (isLive) live += 1;
    return isLive;
  }
  return {
    push,
    async run(signal) {
      while (!signal.aborted) await push();
    },
    said: () => said,
    async live(count) {
      for (let seen = live, end = performance.now() + settleMs; live < count; await pause(5)) {
        if (live > seen) [seen, end] = [live, performance.now() + settleMs];
        if (performance.now() > end) throw new Error(`no push is live on all nodes any more: ${said}`);
      }
    },
    pushes: () => version,
    liveEverywhere: () => live,
  };
}

/** Everybody comes back, and one more push reaches all. */
async function lastPush(fleet: Fleet, pusher: Pusher): Promise<boolean> {
  const end = performance.now() + settleMs;
  while (performance.now() < end) {
    const connected = await fleet.client.nodes.list().catch(() => []);
    if (connected.length > 0 && connected.every((node) => node.connected) && (await pusher.push()))
      return true;
    await pause(200);
  }
  return false;
}

async function ask(fleet: Fleet, signal: AbortSignal) {
  let responses = 0;
  let wrong = 0;
  await Promise.all(
    fleet.urls.map(async (url) => {
      for (let n = 0; !signal.aborted; n++) {
        const path = siteFiles[n % siteFiles.length] as string;
        // While the agent is dead nobody answers.
        const answer = await fetch(`${url}/${path}`)
          .then(async (response) => ({
            status: response.status,
            bytes: Buffer.from(await response.arrayBuffer()),
          }))
          .catch(() => undefined);
        if (answer !== undefined) {
          responses += 1;
          if (answer.status !== 200 || versionOf(path, answer.bytes) === undefined) wrong += 1;
        }
        await pause(2);
      }
    }),
  );
  return { responses, wrong };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
