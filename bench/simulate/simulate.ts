// How fast the simulator runs: seeds of a segment on all processors, and one large segment by itself.

import { availableParallelism } from 'node:os';
import { runSeeds } from '../../src/sim/seeds/run-seeds.ts';
import type { Bench, BenchContext } from '../bench.ts';

export const simulate: Bench = {
  name: 'simulate',
  summary: 'seeds of simulated segments on all processors, and one large segment',
  usage: '[--members N] [--seeds N] [--first-seed N] [--large N]',
  options: {
    members: { type: 'string', default: '50' },
    seeds: { type: 'string', default: '200' },
    'first-seed': { type: 'string', default: '1' },
    large: { type: 'string', default: '1000' },
  },
  async run({ values, say, report }: BenchContext) {
    const firstSeed = Number(values['first-seed']);
    let failures = 0;
    for (const [members, seeds] of [
      [Number(values['members']), Number(values['seeds'])],
      [Number(values['large']), 1],
    ] as const) {
      if (members === 0) continue;
      say(`${seeds} seeds of ${members} members`);
      const begun = performance.now();
      let violations = 0;
      let events = 0;
      let virtualMs = 0;
      await runSeeds({
        scenario: 'election',
        task: { members, mutant: null },
        seeds,
        firstSeed,
        stopsAtViolation: false,
        onResult(result) {
          events += result.events;
          virtualMs += result.virtualMs;
          if (result.violation === null) return;
          violations += 1;
          say(`seed ${result.seed}: ${result.violation.checker}: ${result.violation.what}`);
        },
      });
      const seconds = (performance.now() - begun) / 1000;
      failures += violations;
      report({
        bench: 'simulate',
        members,
        seeds,
        first_seed: firstSeed,
        processors: availableParallelism(),
        seconds: Math.round(seconds * 100) / 100,
        virtual_s: Math.round(virtualMs / 1000),
        events,
        violations,
      });
    }
    return failures === 0 ? 0 : 1;
  },
};
