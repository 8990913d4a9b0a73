// A push to leaders that are each alone at a site, with every site's link shaped: how long until the last one holds it, by the tree and by a star, in which all
// fetch from the CCM. With `--kill` what it costs that a relay dies on the way.

import type { Bench, BenchContext } from '../bench.ts';
import { median, rounded } from '../push-to-live/figures.ts';
import { measureKill } from './measure-kill.ts';
import { createTreeCase, lastHeldAt, type Published, type Topology, topologies } from './tree-case.ts';

export const tree: Bench = {
  name: 'tree',
  summary:
    'seconds until the last group leader holds a push, each behind a link of this rate, and what leaves the CCM; needs root',
  usage:
    '[--leaders 8,16] [--mb 50 | --kb 20] [--rate 100mbit] [--topology tree|star|both] [--runs 1] [--kill 10,50,90]',
  options: {
    leaders: { type: 'string', default: '8,16' },
    mb: { type: 'string', default: '50' },
    kb: { type: 'string' },
    rate: { type: 'string', default: '100mbit' },
    topology: { type: 'string', default: 'tree' },
    runs: { type: 'string', default: '1' },
    kill: { type: 'string' },
  },
  async run(context) {
    const asked = parse(context.values);
    if (typeof asked === 'string') {
      process.stderr.write(`${asked}\n`);
      return 2;
    }
    if (process.getuid?.() !== 0) {
      process.stderr.write('tree needs root: each agent has a network namespace of its own\n');
      return 2;
    }
    for (const leaders of asked.leaders) {
      for (const topology of asked.topologies) await measure(context, { ...asked, leaders, topology });
    }
    return 0;
  },
};

interface Asked {
  readonly leaders: readonly number[];
  readonly bytes: number;
  readonly rate: string;
  readonly topologies: readonly Topology[];
  readonly runs: number;
  /** Percent of a relay's progress. */
  readonly kill: readonly number[];
}

/** What is wrong with it otherwise. */
function parse(values: BenchContext['values']): Asked | string {
  const numbers = (name: string): number[] => String(values[name]).split(',').map(Number);
  const isWhole = (number: number, least: number, most: number): boolean =>
    Number.isInteger(number) && number >= least && number <= most;
  const leaders = numbers('leaders');
  if (!leaders.every((count) => isWhole(count, 1, 64))) return '--leaders are numbers from 1 to 64';
  const bytes = values['kb'] === undefined ? Number(values['mb']) * 1e6 : Number(values['kb']) * 1e3;
  if (!(bytes >= 1 && bytes <= 4e9)) return '--mb and --kb are sizes up to 4 GB';
  const rate = String(values['rate']);
  if (!/^[1-9]\d{0,3}mbit$/.test(rate)) return '--rate is like 100mbit';
  const wanted = topologies.filter((name) => values['topology'] === name || values['topology'] === 'both');
  if (wanted.length === 0) return '--topology is tree, star or both';
  const [runs = 0] = numbers('runs');
  if (!isWhole(runs, 1, 100)) return '--runs is a number from 1';
  const kill = values['kill'] === undefined ? [] : numbers('kill');
  if (!kill.every((percent) => isWhole(percent, 1, 99))) return '--kill are percents from 1 to 99';
  return { leaders, bytes, rate, topologies: wanted, runs, kill };
}

async function measure(
  { say, report }: BenchContext,
  {
    leaders,
    topology,
    bytes,
    rate,
    runs,
    kill,
  }: Omit<Asked, 'leaders' | 'topologies'> & { readonly leaders: number; readonly topology: Topology },
): Promise<void> {
  const limit = (bytes * 8) / (Number.parseInt(rate, 10) * 1e6);
  const tree = await createTreeCase(leaders, topology, rate);
  try {
    const all: Published[] = [];
    for (let run = 1; run <= runs; run += 1) {
      const published = await tree.publish(bytes);
      all.push(published);
      if (published.stagedAt.size !== leaders) throw new Error(`only ${published.stagedAt.size} have staged`);
      const said = [secondsToHeld(published), secondsToStaged(published)].map(rounded).join(' s, staged ');
      say(`${topology}, ${leaders} leaders, run ${run}: held ${said} s; limit ${rounded(limit)} s`);
    }
    const seconds = all.map(secondsToHeld);
    const shares = all.map((run) => run.load.shares(run.toldAt, lastHeldAt(run)));
    report({
      bench: 'tree',
      leaders,
      mb: bytes / 1e6,
      rate,
      seconds: rounded(median(seconds)),
      limit_s: rounded(limit),
      ratio: rounded(median(seconds) / limit),
      ccm_egress_ratio: rounded(median(all.map(({ ccmSent }) => ccmSent / bytes))),
      cpu_share: rounded(median(shares.map(({ machine }) => machine))),
      fleet_cpu_share: rounded(median(shares.map(({ fleet }) => fleet))),
      topology,
      runs,
      spread: [rounded(Math.min(...seconds)), rounded(Math.max(...seconds))],
      staged_s: rounded(median(all.map(secondsToStaged))),
    });
    for (const percent of topology === 'tree' ? kill : []) {
      for (const death of ['kill', 'cut'] as const) {
        const figures = await measureKill(tree, { bytes, percent, death, without: all.at(-1) as Published });
        report({ bench: 'tree', leaders, mb: bytes / 1e6, rate, topology, ...figures });
      }
    }
  } finally {
    await tree.close();
  }
}

function secondsToHeld(run: Published): number {
  return (lastHeldAt(run) - run.toldAt) / 1000;
}

function secondsToStaged({ stagedAt, toldAt }: Published): number {
  return (Math.max(...stagedAt.values()) - toldAt) / 1000;
}
