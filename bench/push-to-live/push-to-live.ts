// The everyday figure: from `git push` until every node serves the new bytes, beside what a careful operator does today.
// Builds the network; the measuring itself is measure.ts.

import { resolve } from 'node:path';
import type { Bench } from '../bench.ts';
import { measureInLan } from '../in-lan.ts';

const editsMin = 10;

export const pushToLive: Bench = {
  name: 'push-to-live',
  summary:
    'seconds from `git push` until all nodes serve the change, over real one-file edits of a repository',
  usage: '--nodes N --repository PATH [--edits 10] [--segment] [--peer]',
  options: {
    nodes: { type: 'string', default: '20' },
    repository: { type: 'string' },
    edits: { type: 'string', default: String(editsMin) },
    // Besides the fleet with a link for each node a second one, behind a leader.
    segment: { type: 'boolean', default: false },
    peer: { type: 'boolean', default: false },
  },
  async run({ values, say, report }) {
    const nodes = Number(values['nodes']);
    const edits = Number(values['edits']);
    const repository = values['repository'];
    const problem = problemWith(nodes, edits, repository);
    if (problem !== undefined) {
      process.stderr.write(`${problem}\n`);
      return 2;
    }
    const needsSshd = values['peer'] === true;
    const measure = [
      [resolve(import.meta.dirname, 'measure.ts')],
      ['--repository', resolve(String(repository)), '--nodes', String(nodes), '--edits', String(edits)],
      values['segment'] === true ? ['--segment'] : [],
      needsSshd ? ['--peer'] : [],
    ].flat();
    say(`${edits} edits of ${repository}`);
    return measureInLan({ nodes, measure, needsSshd }, { say, report });
  },
};

function problemWith(nodes: number, edits: number, repository: unknown): string | undefined {
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > 200) return '--nodes is a number from 1 to 200';
  if (!Number.isInteger(edits) || edits < editsMin) return `--edits is a number from ${editsMin}`;
  if (typeof repository !== 'string')
    return '--repository PATH names the Git repository whose tree is published';
  return undefined;
}
