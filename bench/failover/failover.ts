// How long a segment is without a leader that the CCM knows: at its cold start, after kills, while its leader is stopped, and when that one's
// cable is cut. Whole agents, each in a network of its own. Two accepted at once, or a member that nobody sees any more, fail the run.

import { loadavg } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { createSegmentFleet, type SegmentFleet } from '../../test/lab/segment-fleet.ts';
import type { Bench } from '../bench.ts';
import { median, rounded } from '../push-to-live/figures.ts';
import { createRandom, type Random } from '../random.ts';
import { controlBytesPerSecond } from './control-traffic.ts';

const restMaxMs = 1_000;
/** Each knows all others, and the kernel's table of neighbours, 1,024 long, is one for all namespaces. */
const membersMax = 30;

export const failover: Bench = {
  name: 'failover',
  summary:
    'seconds until the CCM knows the next leader of a segment, when the leader is killed, stopped, or cut off; needs root',
  usage: '[--members 20] [--kills 20] [--stop-s 10] [--traffic-s 60] [--seed 1]',
  options: {
    members: { type: 'string', default: '20' },
    kills: { type: 'string', default: '20' },
    'stop-s': { type: 'string', default: '10' },
    'traffic-s': { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
  },
  async run({ values, say, report }) {
    const number = (name: string): number => Number(values[name]);
    const [members, kills, seed] = [number('members'), number('kills'), number('seed')];
    const [stopS, trafficS] = [number('stop-s'), number('traffic-s')];
    if (
      !Number.isInteger(members) ||
      members < 3 ||
      members > membersMax ||
      !Number.isInteger(kills) ||
      kills < 1
    ) {
      process.stderr.write(`--members is a number from 3 to ${membersMax}, --kills one from 1\n`);
      return 2;
    }
    if (!(stopS > 0) || !(trafficS > 0) || !Number.isInteger(seed)) {
      process.stderr.write('--stop-s and --traffic-s are above 0, --seed is a whole number\n');
      return 2;
    }
    if (process.getuid?.() !== 0) {
      process.stderr.write('failover needs root: each agent has a network namespace of its own\n');
      return 2;
    }
    const fleet = await createSegmentFleet(members);
    try {
      const figures = await measure(fleet, { kills, stopS, trafficS, random: createRandom(seed), say });
      report({ bench: 'failover', members, kills, ...figures, seed, load: rounded(loadavg()[0] as number) });
      return figures.second_leaders === 0 ? 0 : 1;
    } finally {
      await fleet.close();
    }
  },
};

interface Measuring {
  readonly kills: number;
  readonly stopS: number;
  readonly trafficS: number;
  readonly random: Random;
  readonly say: (line: string) => void;
}

async function measure(fleet: SegmentFleet, { kills, stopS, trafficS, random, say }: Measuring) {
  const first = await fleet.settled();
  const coldStart = secondsSince(fleet.fleet.startedAt);
  say(`cold start: ${rounded(coldStart)} s, ${first.name} is led by ${first.leader?.node}`);
  await fleet.moved();

  const seconds: number[] = [];
  for (let kill = 1; kill <= kills; kill += 1) {
    const leader = await rested(fleet, random);
    const from = performance.now();
    fleet.kill(leader);
    const next = await successor(fleet, leader);
    seconds.push(secondsSince(from));
    say(`kill ${kill}: ${leader}, then ${next} after ${rounded(seconds.at(-1) as number)} s`);
    await fleet.start(leader);
  }

  const stopped = await rested(fleet, random);
  const stoppedAt = performance.now();
  fleet.stop(stopped);
  const afterStop = await successor(fleet, stopped);
  const stop = secondsSince(stoppedAt);
  await pause(Math.max(0, (stopS - secondsSince(stoppedAt)) * 1000));
  fleet.resume(stopped);
  say(`stopped for ${stopS} s: ${stopped}, then ${afterStop} after ${rounded(stop)} s`);

  const cut = await rested(fleet, random);
  const cutAt = performance.now();
  await fleet.cut(cut);
  const afterCut = await successor(fleet, cut);
  const cable = secondsSince(cutAt);
  await pause(Math.max(0, (stopS - secondsSince(cutAt)) * 1000));
  await fleet.heal(cut);
  say(`cut off for ${stopS} s: ${cut}, then ${afterCut} after ${rounded(cable)} s`);

  const leader = await rested(fleet, random);
  const member = fleet.names.find((name) => name !== leader) as string;
  const bytes = await controlBytesPerSecond(fleet.host(member), trafficS);
  say(`control traffic of ${member}: ${Math.round(bytes)} B/s over ${trafficS} s`);

  return {
    median_s: rounded(median(seconds)),
    max_s: rounded(Math.max(...seconds)),
    second_leaders: await fleet.secondLeaders(),
    cold_start_s: rounded(coldStart),
    stopped_s: rounded(stop),
    cut_s: rounded(cable),
    member_bytes_per_s: Math.round(bytes),
  };
}

/** All are in again; then a random moment later. The leader's name. */
async function rested(fleet: SegmentFleet, random: Random): Promise<string> {
  await fleet.settled();
  await pause(random.below(restMaxMs));
  const { leader } = await fleet.until('there is a leader', (segment) => segment.leader !== null);
  return leader?.node as string;
}

async function successor(fleet: SegmentFleet, former: string): Promise<string> {
  const { leader } = await fleet.until(
    `another leads than ${former}`,
    (segment) => segment.leader !== null && segment.leader.node !== former,
  );
  return leader?.node as string;
}

function secondsSince(from: number): number {
  return (performance.now() - from) / 1000;
}
