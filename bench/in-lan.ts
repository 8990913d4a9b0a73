// Runs a measuring program inside the CCM's namespace of a LAN, so that no namespace change is in a figure; without root on the
// loopback address. Its stdout: figures as one JSON line each, anything else is for people.

import { once } from 'node:events';
import { createLan } from '../test/lab/lan.ts';
import { formatPlaces, spawnAt } from '../test/lab/places.ts';
import { runProgram } from '../test/lab/run-program.ts';
import type { BenchContext } from './bench.ts';

export interface MeasureInLan {
  readonly nodes: number;
  /** The program and its options; `--places` is added. */
  readonly measure: readonly string[];
  /** Whether the program starts an sshd on port 22 at every place. */
  readonly needsSshd: boolean;
}

/** The exit code of the program; 2 when there can be no LAN and one is needed. */
export async function measureInLan(
  { nodes, measure, needsSshd }: MeasureInLan,
  { say, report }: Pick<BenchContext, 'say' | 'report'>,
): Promise<number> {
  const inNamespaces = await canMakeNamespaces();
  if (needsSshd && !inNamespaces) {
    process.stderr.write(
      '--peer needs root and network namespaces: each of its servers runs an sshd on port 22\n',
    );
    return 2;
  }
  const lan = inNamespaces ? await createLan({ hosts: nodes + 1 }) : undefined;
  try {
    say(`${nodes} nodes ${lan ? 'in network namespaces' : 'on the loopback address'}`);
    const parameters = [
      '--disable-warning=ExperimentalWarning',
      ...measure,
      ...(lan ? ['--places', formatPlaces(lan.hosts)] : []),
    ];
    return await runMeasure(lan?.hosts[0]?.namespace, parameters, say, report);
  } finally {
    await lan?.close();
  }
}

async function runMeasure(
  namespace: string | undefined,
  parameters: readonly string[],
  say: BenchContext['say'],
  report: BenchContext['report'],
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

async function canMakeNamespaces(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  return runProgram('unshare', ['--net', 'ip', 'link']).then(
    () => true,
    () => false,
  );
}
