// A state directory with a running `up`, a site to push, and the CLI in this process that talks to it: for whole-product tests.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type RunOptions, run } from '../../src/cli/run.ts';
import { startUpProcess, type UpProcess } from './up-process.ts';

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface UpFixture {
  readonly home: string;
  /** The state directory. */
  readonly directory: string;
  /** The author's repository; the test makes it. */
  readonly work: string;
  readonly env: NodeJS.ProcessEnv;
  readonly up: UpProcess;
  /** Starts `up` in the same directory again; the one before must have ended. */
  restart(...options: string[]): Promise<void>;
  cli(argv: readonly string[], options?: Partial<RunOptions>): Promise<CliResult>;
  /** The JSON document of a command that has to succeed. */
  cliJson<T>(...argv: string[]): Promise<T>;
  /** In `work`, as an author with a name. */
  git(...argv: string[]): Promise<{ stdout: string; stderr: string }>;
  /** URL to push to, with a token. */
  remote(repository?: string, token?: string): string;
  /** Commits one page; resolves to the commit's tree id. */
  commitPage(text: string): Promise<string>;
  /** Bodies and tree ids that all nodes serve. */
  served(path?: string): Promise<{ bodies: Set<string>; trees: Set<string | null> }>;
  close(): Promise<void>;
}

const execute = promisify(execFile);

export async function createUpFixture(): Promise<UpFixture> {
  const home = await realpath(await mkdtemp(join(tmpdir(), 'treecast-up-')));
  const directory = join(home, 'state');
  const work = join(home, 'my-site');
  const env = {
    PATH: process.env['PATH'],
    HOME: home,
    TREECAST_CONTEXT: join(home, 'context.json'),
    GIT_TERMINAL_PROMPT: '0',
    GIT_CONFIG_NOSYSTEM: '1',
  };
  let up = await startUpProcess(directory, env, ['--port', '0']);

  async function cli(argv: readonly string[], options: Partial<RunOptions> = {}): Promise<CliResult> {
    let stdout = '';
    let stderr = '';
    const code = await run(argv, {
      stdout: { write: (text) => (stdout += text) },
      stderr: { write: (text) => (stderr += text) },
      env,
      cwd: home,
      ...options,
    });
    return { code, stdout, stderr };
  }

  async function git(...argv: string[]): Promise<{ stdout: string; stderr: string }> {
    const identity = ['-c', 'user.name=Author', '-c', 'user.email=author@example.org'];
    return execute('git', [...identity, ...argv], { cwd: existsSync(work) ? work : home, env });
  }

  return {
    home,
    directory,
    work,
    env,
    get up() {
      return up;
    },
    async restart(...options) {
      up = await startUpProcess(directory, env, ['--port', '0', ...options]);
    },
    cli,
    async cliJson<T>(...argv: string[]) {
      const { code, stdout, stderr } = await cli([...argv, '--json']);
      assert.equal(code, 0, `${argv.join(' ')}: ${stderr}`);
      return JSON.parse(stdout) as T;
    },
    git,
    remote: (repository = 'sample', token = up.ready.token) =>
      `${up.ready.api.replace('://', `://you:${token}@`)}/git/${repository}.git`,
    async commitPage(text) {
      await writeFile(join(work, 'index.html'), text);
      await git('add', '-A');
      await git('commit', '-qm', text);
      return (await git('rev-parse', 'HEAD^{tree}')).stdout.trim();
    },
    async served(path = '/') {
      const answers = await Promise.all(
        up.ready.nodes.map(async ({ url }) => {
          const response = await fetch(url + path);
          return { body: await response.text(), tree: response.headers.get('treecast-tree') };
        }),
      );
      return {
        bodies: new Set(answers.map(({ body }) => body)),
        trees: new Set(answers.map(({ tree }) => tree)),
      };
    },
    async close() {
      await up.end('SIGKILL');
      await rm(home, { recursive: true, force: true, maxRetries: 20 });
    },
  };
}
