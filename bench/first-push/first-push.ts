// A site's first push of many small files, beside `tar | ssh tar` with one sync on each server. Builds the network; the measuring
// itself is measure.ts.

import { resolve } from 'node:path';
import type { Bench } from '../bench.ts';
import { measureInLan } from '../in-lan.ts';

export const firstPush: Bench = {
  name: 'first-push',
  summary: 'seconds from `git push` until all nodes serve a new site of small files, beside `tar | ssh tar`',
  usage: '[--files 100000] [--bytes 1024] [--nodes 3] [--rounds 3] [--segment] [--no-peer]',
  options: {
    files: { type: 'string', default: '100000' },
    bytes: { type: 'string', default: '1024' },
    nodes: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    // Besides fleets with a link for each node others behind a leader.
    segment: { type: 'boolean', default: false },
    'no-peer': { type: 'boolean', default: false },
  },
  async run({ values, say, report }) {
    const names = ['files', 'bytes', 'nodes', 'rounds'] as const;
    const wrong = names.find(
      (name) => !(Number.isInteger(Number(values[name])) && Number(values[name]) >= 1),
    );
    if (wrong !== undefined) {
      process.stderr.write(`--${wrong} is a number from 1\n`);
      return 2;
    }
    const needsSshd = values['no-peer'] !== true;
    const measure = [
      [resolve(import.meta.dirname, 'measure.ts')],
      names.flatMap((name) => [`--${name}`, String(values[name])]),
      values['segment'] === true ? ['--segment'] : [],
      needsSshd ? ['--peer'] : [],
    ].flat();
    return measureInLan({ nodes: Number(values['nodes']), measure, needsSshd }, { say, report });
  },
};
