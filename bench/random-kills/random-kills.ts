// Kills at random instants, under pushes and readers: no reader may ever find a file missing, cut short, older than before, or a tree mixed.
// In two parts, told apart in the figures: a whole fleet, and stores alone, which switch far more often.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import { runFleetKills } from './fleet-kills.ts';
import { isRight } from './hammer.ts';
import { createSeededChance } from './seeded-chance.ts';
import { runStoreSwitches } from './store-switches.ts';

export const randomKills: Bench = {
  name: 'random-kills',
  summary:
    'kills CCM and agents at random instants under pushes and readers; switches stores by the thousand',
  usage:
    '[--kills 200] [--fleet-switches 0] [--switches 10000] [--store-kills 100] [--nodes 3] [--seed 1] --json',
  options: {
    kills: { type: 'string', default: '200' },
    'fleet-switches': { type: 'string', default: '0' },
    switches: { type: 'string', default: '10000' },
    'store-kills': { type: 'string', default: '100' },
    nodes: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
  },
  async run({ values, say, report }) {
    const number = (name: string): number => Number(values[name]);
    const root = await mkdtemp(join(tmpdir(), 'treecast-kills-'));
    const seed = number('seed');
    const bench = 'random-kills';
    try {
      const fleet = await runFleetKills({
        directory: join(root, 'fleet'),
        nodes: number('nodes'),
        kills: number('kills'),
        switches: number('fleet-switches'),
        chance: createSeededChance(seed),
        say,
      });
      report({ bench, part: 'fleet', seed, ...fleet });
      const stores = await runStoreSwitches({
        directory: join(root, 'stores'),
        switches: number('switches'),
        kills: number('store-kills'),
        stores: 2,
        chance: createSeededChance(seed),
        say,
      });
      report({ bench, part: 'stores', seed, ...stores });
      const isClean = fleet.wrongResponses + fleet.wedged + fleet.unverified === 0;
      return isClean && isRight(fleet.counts) && isRight(stores.counts) ? 0 : 1;
    } finally {
      await rm(root, { recursive: true, force: true, maxRetries: 20 });
    }
  },
};
