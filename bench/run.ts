// `npm run bench -- NAME [options] --json`: finds the benchmark, parses its options, and keeps stdout to figures with --json.

import { parseArgs } from 'node:util';
import type { Bench } from './bench.ts';

const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  'push-to-live': async () => (await import('./push-to-live/push-to-live.ts')).pushToLive,
  stage: async () => (await import('./stage/stage.ts')).stage,
  'publish-under-load': async () =>
    (await import('./publish-under-load/publish-under-load.ts')).publishUnderLoad,
  fuzz: async () => (await import('./fuzz/fuzz.ts')).fuzz,
  'first-push': async () => (await import('./first-push/first-push.ts')).firstPush,
  'loop-delay': async () => (await import('./loop-delay/loop-delay.ts')).loopDelay,
  'agent-idle': async () => (await import('./agent-idle/agent-idle.ts')).agentIdle,
  'symlink-races': async () => (await import('./symlink-races/symlink-races.ts')).symlinkRaces,
  'crash-sweep': async () => (await import('./crash-sweep/crash-sweep.ts')).crashSweep,
  'random-kills': async () => (await import('./random-kills/random-kills.ts')).randomKills,
  simulate: async () => (await import('./simulate/simulate.ts')).simulate,
  failover: async () => (await import('./failover/failover.ts')).failover,
  fec: async () => (await import('./fec/fec.ts')).fec,
  purge: async () => (await import('./purge/purge.ts')).purge,
  mctp: async () => (await import('./mctp/mctp.ts')).mctp,
  limits: async () => (await import('./limits/limits.ts')).limits,
  tree: async () => (await import('./tree/tree.ts')).tree,
};

process.exitCode = await main(process.argv.slice(2));

async function main([name = '', ...parameters]: string[]): Promise<number> {
  const load = Object.hasOwn(benches, name) ? benches[name] : undefined;
  if (!load) {
    process.stderr.write(`usage: npm run bench -- NAME [options] --json\n`);
    for (const other of Object.values(benches)) {
      const { name: known, usage, summary } = await other();
      process.stderr.write(`  ${known} ${usage}\n      ${summary}\n`);
    }
    return 2;
  }
  const bench = await load();
  let values: ReturnType<typeof parseArgs>['values'];
  try {
    ({ values } = parseArgs({ args: parameters, options: { ...bench.options, json: { type: 'boolean' } } }));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.stderr.write(`usage: npm run bench -- ${bench.name} ${bench.usage} --json\n`);
    return 2;
  }
  const isJson = values['json'] === true;
  return bench.run({
    values: values as Record<string, string | boolean | undefined>,
    say: (line) => (isJson ? process.stderr : process.stdout).write(`${line}\n`),
    report: (figures) =>
      process.stdout.write(isJson ? `${JSON.stringify(figures)}\n` : `${peopleLines(figures)}\n`),
  });
}

function peopleLines(figures: Readonly<Record<string, unknown>>): string {
  return Object.entries(figures)
    .map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`)
    .join('\n');
}
