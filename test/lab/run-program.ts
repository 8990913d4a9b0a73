// Runs one of the machine's programs to its end and gives back its output; a failure says which command and why.

import { spawn } from 'node:child_process';

export function runProgram(
  program: string,
  parameters: readonly string[],
  options: { readonly input?: string; readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const { input, ...rest } = options;
    const child = spawn(program, parameters, { ...rest, stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(stdout);
      else
        reject(
          new Error(
            `${program} ${parameters.join(' ')} ended with ${signal ?? code}: ${(stderr || stdout).trim()}`,
          ),
        );
    });
    // A program that ends before it read its input has already said why on stderr.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
  });
}
