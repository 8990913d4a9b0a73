// 100,000 swaps of directories and files for links that lead outside, under an agent's store that publishes all the while: nothing
// outside of the trees changes, and nothing of it is served.

import type { Bench } from '../bench.ts';
import { race } from './race.ts';

export const symlinkRaces: Bench = {
  name: 'symlink-races',
  summary: 'a second process swaps what lies in trees for links that lead outside, while an agent publishes',
  usage: '[--tries 100000] [--seed 1]',
  options: {
    tries: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
  },
  async run({ values, say, report }) {
    const [tries, seed] = [Number(values['tries']), Number(values['seed'])];
    if (!(tries >= 1) || !Number.isInteger(seed)) {
      say('--tries takes a number of at least 1, --seed a whole number');
      return 2;
    }
    let isRight = true;
    // Half of them inside the trees, where web servers and authors may write, half at the store's own directories too.
    for (const slots of [false, true]) {
      const began = performance.now();
      const { swaps, byKind, deeds, changes, leaks, restarts } = await race({
        tries: Math.ceil(tries / 2),
        seed,
        slots,
        say,
      });
      report({
        bench: 'symlink-races',
        at: slots ? 'trees and store' : 'trees',
        tries: swaps,
        by_kind: byKind,
        deeds,
        restarts,
        changed_outside: changes.length,
        leaks,
        s: Math.round((performance.now() - began) / 1_000),
      });
      for (const change of changes) say(change);
      isRight &&= changes.length === 0 && leaks === 0;
    }
    return isRight ? 0 : 1;
  },
};
