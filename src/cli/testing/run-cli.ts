// Runs the CLI inside this process, in a directory of its own with an environment of its own, and keeps what it said.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunOptions, run } from '../run.ts';

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as one JSON document. */
  json(): Record<string, unknown>;
}

export interface TestCli {
  readonly directory: string;
  readonly env: Record<string, string>;
  run(argv: readonly string[], options?: Partial<RunOptions>): Promise<CliResult>;
}

export function createTestCli(t: { after(run: () => void): void }): TestCli {
  const directory = mkdtempSync(join(tmpdir(), 'treecast-cli-'));
  t.after(() => rmSync(directory, { recursive: true, force: true, maxRetries: 20 }));
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: directory,
    TREECAST_CONTEXT: join(directory, 'context.json'),
  };
  return {
    directory,
    env,
    async run(argv, options = {}) {
      let stdout = '';
      let stderr = '';
      const code = await run(argv, {
        stdout: {
          write: (text: string) => {
            stdout += text;
          },
        },
        stderr: {
          write: (text: string) => {
            stderr += text;
          },
        },
        env,
        cwd: directory,
        ...options,
      });
      return { code, stdout, stderr, json: () => JSON.parse(stdout) as Record<string, unknown> };
    },
  };
}
