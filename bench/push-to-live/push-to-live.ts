// The everyday figure: from `git push` until every node serves the new bytes, beside what a careful operator does today.
// Builds the network; the measuring itself runs in the CCM's namespace (measure.ts), so that no namespace change is in a figure.

import { once } from 'node:events';
import { resolve } from 'node:path';
import { createLan } from '../../test/lab/lan.ts';
import { formatPlaces, spawnAt } from '../../test/lab/places.ts';
import { runProgram } from '../../test/lab/run-program.ts';
import type { Bench } from '../bench.ts';

const editsMin = 10;

export const pushToLive: Bench = {
  name: 'push-to-live',
  summary:
    'seconds from `git push` until all nodes serve the change, over real one-file edits of a repository',
  usage: '--nodes N --repository PATH [--edits 10] [--peer]',
  options: {
    nodes: { type: 'string', default: '20' },
    repository: { type: 'string' },
    edits: { type: 'string', default: String(editsMin) },
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
    const inNamespaces = await canMakeNamespaces();
    if (values['peer'] === true && !inNamespaces) {
      process.stderr.write(
        '--peer needs root and network namespaces: each of its servers runs an sshd on port 22\n',
      );
      return 2;
    }
    const lan = inNamespaces ? await createLan({ hosts: nodes + 1 }) : undefined;
    try {
      const measure = [
        ['--disable-warning=ExperimentalWarning', resolve(import.meta.dirname, 'measure.ts')],
        ['--repository', resolve(String(repository)), '--nodes', String(nodes), '--edits', String(edits)],
        values['peer'] === true ? ['--peer'] : [],
        lan ? ['--places', formatPlaces(lan.hosts)] : [],
      ].flat();
      say(
        `${nodes} nodes ${lan ? 'in network namespaces' : 'on the loopback address'}, ${edits} edits of ${repository}`,
      );
      return await runMeasure(lan?.hosts[0]?.namespace, measure, say, report);
    } finally {
      await lan?.close();
    }
  },
};

/** stdout of the measuring process: figures as one JSON line each, anything else is for people. */
async function runMeasure(
  namespace: string | undefined,
  parameters: readonly string[],
  say: (line: string) => void,
  report: (figures: Record<string, unknown>) => void,
): Promise<number> {
  const child = spawnAt({ address: '', namespace: namespace ?? null }, process.execPath, parameters, {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on('SIGINT', forward).on('SIGTERM', forward);
  let rest = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('{')) report(JSON.parse(line) as Record<string, unknown>);
      else say(line);
    }
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return code ?? 1;
}

function problemWith(nodes: number, edits: number, repository: unknown): string | undefined {
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > 200) return '--nodes is a number from 1 to 200';
  if (!Number.isInteger(edits) || edits < editsMin) return `--edits is a number from ${editsMin}`;
  if (typeof repository !== 'string')
    return '--repository PATH names the Git repository whose tree is published';
  return undefined;
}

async function canMakeNamespaces(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  return runProgram('unshare', ['--net', 'ip', 'link']).then(
    () => true,
    () => false,
  );
}
