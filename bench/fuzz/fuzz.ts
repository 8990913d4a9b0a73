// Mutated inputs against every reader of what comes from outside: each case ends with a result that holds its promises or a coded refusal,
// in bounded time and memory. Prints the counts by reader; the first violation is saved with its seed, and fails the run.

import { fork } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Bench, BenchContext } from '../bench.ts';
import type { FuzzReport, FuzzShare } from './fuzz-process.ts';
import { fuzzTargets } from './fuzz-targets.ts';

/** A process that tells of no progress for this long hangs in a case. */
const hangMs = 120_000;
/** Growth of a process between its 2,000th case and its end. */
const growthBytesMax = 512 * 1024 ** 2;

export const fuzz: Bench = {
  name: 'fuzz',
  summary: 'mutated inputs against every reader of what comes from outside',
  usage: '[--cases 1000000] [--seed 1] [--target NAME] [--processes N] [--save DIRECTORY]',
  options: {
    cases: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    target: { type: 'string' },
    processes: { type: 'string', default: String(availableParallelism()) },
    save: { type: 'string', default: '.tmp/fuzz' },
  },
  run: runFuzz,
};

interface Totals {
  cases: number;
  valid: number;
  readonly refused: Record<string, number>;
  ms: number;
}

async function runFuzz({ values, say, report }: BenchContext): Promise<number> {
  const [cases, seed, processes] = [
    Number(values['cases']),
    Number(values['seed']),
    Number(values['processes']),
  ];
  const targets = fuzzTargets
    .map(({ name }) => name)
    .filter((name) => values['target'] === undefined || values['target'] === name);
  if (!(cases >= 1) || !Number.isInteger(seed) || !(processes >= 1) || targets.length === 0) {
    say(
      `--cases and --processes take numbers of at least 1, --seed a whole number, --target one of: ${fuzzTargets.map(({ name }) => name).join(', ')}`,
    );
    return 2;
  }
  const each = Math.ceil(cases / targets.length);
  const totals = new Map<string, Totals>();
  const problems: string[] = [];
  let growthBytes = 0;
  const began = performance.now();
  const save = (violation: Extract<FuzzReport, { kind: 'violation' }>['violation']): void => {
    mkdirSync(String(values['save']), { recursive: true });
    const file = join(String(values['save']), `${violation.target}-${violation.seed}-${violation.number}`);
    writeFileSync(file, Buffer.from(violation.input, 'base64'));
    problems.push(
      `${violation.target}, seed ${violation.seed}, case ${violation.number}: ${violation.what}\n  saved as ${file}`,
    );
  };
  await Promise.all(
    Array.from({ length: processes }, (_, index) =>
      runShare(
        { targets, seed, cases: each, process: index, processes },
        {
          say,
          save,
          done: ({ target, counts, ms }) => add(totals, target, counts, ms),
          hangs: (where) => problems.push(`a case never ended, near ${where}`),
          grew: (bytes) => {
            growthBytes = Math.max(growthBytes, bytes);
          },
        },
      ),
    ),
  );
  if (growthBytes > growthBytesMax) problems.push(`a process grew by ${growthBytes} bytes`);
  for (const target of targets) {
    const {
      cases: run,
      valid,
      refused,
      ms,
    } = totals.get(target) ?? { cases: 0, valid: 0, refused: {}, ms: 0 };
    if (run !== each) problems.push(`${target}: ${run} of ${each} cases were run`);
    report({ bench: 'fuzz', target, cases: run, valid, refused, cpu_s: Math.round(ms / 100) / 10 });
  }
  const run = [...totals.values()].reduce((sum, { cases: one }) => sum + one, 0);
  report({
    bench: 'fuzz',
    target: 'all',
    seed,
    cases: run,
    violations: problems.length,
    growth_mb: Math.round(growthBytes / 1024 ** 2),
    s: Math.round((performance.now() - began) / 1000),
  });
  for (const problem of problems) say(problem);
  return problems.length === 0 ? 0 : 1;
}

function add(
  totals: Map<string, Totals>,
  target: string,
  counts: Readonly<Record<string, number>>,
  ms: number,
): void {
  const into = totals.get(target) ?? { cases: 0, valid: 0, refused: {}, ms: 0 };
  totals.set(target, into);
  into.ms += ms;
  for (const [verdict, count] of Object.entries(counts)) {
    into.cases += count;
    if (verdict === 'valid') into.valid += count;
    else into.refused[verdict] = (into.refused[verdict] ?? 0) + count;
  }
}

interface ShareEvents {
  say(line: string): void;
  save(violation: Extract<FuzzReport, { kind: 'violation' }>['violation']): void;
  done(report: Extract<FuzzReport, { kind: 'done' }>): void;
  hangs(where: string): void;
  grew(bytes: number): void;
}

function runShare(share: FuzzShare, events: ShareEvents): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(new URL('./fuzz-process.ts', import.meta.url), {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    let where = 'the start';
    let told = 0;
    let firstBytes: number | undefined;
    let watch: NodeJS.Timeout | undefined;
    const alive = (): void => {
      clearTimeout(watch);
      watch = setTimeout(() => {
        events.hangs(where);
        child.kill('SIGKILL');
      }, hangMs);
    };
    alive();
    child.on('message', (report: FuzzReport) => {
      alive();
      if (report.kind === 'violation') events.save(report.violation);
      else if (report.kind === 'done') events.done(report);
      else {
        if (report.number < share.processes) events.say(`process ${share.process}: ${report.target}`);
        where = `${report.target}, case ${report.number}`;
        told++;
        if (told === 4) firstBytes = report.rssBytes;
        if (firstBytes !== undefined) events.grew(report.rssBytes - firstBytes);
      }
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      clearTimeout(watch);
      if (code !== 0) events.hangs(`${where} (the process ended: ${signal ?? code})`);
      resolve();
    });
    child.send(share);
  });
}
