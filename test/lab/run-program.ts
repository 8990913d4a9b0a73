// Runs one of the machine's programs to its end and gives back how it ended and its output.

import { spawn } from 'node:child_process';

export interface ProgramOptions {
  readonly input?: string | Buffer;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

export interface ProgramEnd {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Throws only when it cannot be started. */
export function endProgram(
  program: string,
  parameters: readonly string[],
  { input = '', ...options }: ProgramOptions = {},
): Promise<ProgramEnd> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
    // A program that ends before it read its input has already said why on stderr.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/** Its standard output; a failure says which command and why. */
export async function runProgram(
  program: string,
  parameters: readonly string[],
  options: ProgramOptions = {},
): Promise<string> {
  const { code, signal, stdout, stderr } = await endProgram(program, parameters, options);
  if (code === 0) return stdout;
  throw new Error(
    `${program} ${parameters.join(' ')} ended with ${signal ?? code}: ${(stderr || stdout).trim()}`,
  );
}
