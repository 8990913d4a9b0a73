// Runs the static checks, as many at once as pays on this machine, and prints a line for each; only failed ones show their output.
// Does not decide what is checked (static-checks.ts).

import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { delimiter, join } from 'node:path';
import { repositoryRoot } from './repository-root.ts';
import { type StaticCheck, staticChecks } from './static-checks.ts';

interface Outcome {
  readonly passed: boolean;
  readonly output: string;
  readonly seconds: number;
}

/** Resolves with the names of the checks that failed. */
export async function runStaticChecks(print: (line: string) => void): Promise<string[]> {
  const failed: string[] = [];
  const waiting = [...staticChecks];
  const worker = async (): Promise<void> => {
    for (let check = waiting.shift(); check; check = waiting.shift()) {
      const { passed, output, seconds } = await runCheck(check);
      print(`${passed ? '✔' : '✖'} ${check.name} (${seconds.toFixed(1)} s)`);
      if (passed) continue;
      failed.push(check.name);
      print(`${output.trimEnd()}\n  ${check.name} failed: ${check.fix}`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), waiting.length) }, worker));
  return failed;
}

function runCheck(check: StaticCheck): Promise<Outcome> {
  const startedAt = performance.now();
  const [program, ...parameters] = check.command;
  const path = `${join(repositoryRoot, 'node_modules/.bin')}${delimiter}${process.env['PATH'] ?? ''}`;
  return new Promise((resolve) => {
    const child = spawn(program, parameters, {
      cwd: repositoryRoot,
      env: { ...process.env, PATH: path },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const end = (passed: boolean): void =>
      resolve({ passed, output, seconds: (performance.now() - startedAt) / 1000 });
    child.on('error', (error) => {
      output += `${program} did not start: ${error.message}; run npm ci\n`;
      end(false);
    });
    child.on('close', (code) => end(code === 0));
  });
}
