// A running `treecast up` as authors and operators use it: Git URLs, the CLI, what each node serves.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient } from '../../../src/client/client.ts';
import { endProgram, type ProgramOptions } from '../../lab/run-program.ts';
import { launcher, startUpProcess, type UpProcess } from '../up-process.ts';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Fleet {
  readonly directory: string;
  readonly up: UpProcess;
  /** May do everything. */
  readonly admin: Client;
  /** Runs the CLI against this CCM as admin. */
  treecast(...args: readonly string[]): Promise<CommandResult>;
  /** The Git URL of a repository with a token in it. */
  gitUrl(repository?: string, token?: string): string;
  /** What every node answers for a path, asked at once. */
  fetchAll(
    path: string,
  ): Promise<
    { readonly node: string; readonly status: number; readonly tree: string | null; readonly body: string }[]
  >;
  /** Asserts that every node proves, by re-reading every byte, that it serves this tree. */
  assertServed(tree: string): Promise<void>;
  stop(): Promise<void>;
}

export interface FleetOptions {
  readonly agents?: number;
  /** Called with the state directory, before anything is in it. */
  readonly prepare?: (directory: string) => void;
}

export async function startFleet(options: FleetOptions = {}): Promise<Fleet> {
  const directory = await mkdtemp(join(tmpdir(), 'treecast-e2e-'));
  options.prepare?.(directory);
  const env = { ...process.env, TREECAST_CONTEXT: join(directory, 'context.json') };
  const up = await startUpProcess(directory, env, ['--port', '0', '--agents', String(options.agents ?? 3)]);
  const { ready } = up;
  const adminToken = (await readFile(join(directory, 'admin-token'), 'utf8')).trim();
  const treecast = (...args: readonly string[]) =>
    run(launcher, args, { env: { ...env, TREECAST_API: ready.api, TREECAST_TOKEN: adminToken } });
  return {
    directory,
    up,
    admin: createClient({ api: ready.api, token: adminToken }),
    treecast,
    gitUrl(repository = ready.site, token = ready.token) {
      const url = new URL(`${ready.api}/git/${repository}.git`);
      url.username = 'author';
      url.password = token;
      return url.href;
    },
    fetchAll: (path) =>
      Promise.all(
        ready.nodes.map(async ({ name, url }) => {
          const response = await fetch(`${url}${path}`);
          return {
            node: name,
            status: response.status,
            tree: response.headers.get('treecast-tree'),
            body: await response.text(),
          };
        }),
      ),
    async assertServed(tree) {
      const { code, stdout } = await treecast('verify', ready.site, '--json');
      const result = JSON.parse(stdout) as {
        tree: string;
        nodes: { name: string; tree: string; ok: boolean }[];
      };
      assert.deepEqual(
        result.nodes,
        ready.nodes.map(({ name }) => ({ name, tree, ok: true })),
      );
      assert.equal(result.tree, tree);
      assert.equal(code, 0);
    },
    async stop() {
      await up.end('SIGTERM');
      await rm(directory, { recursive: true, force: true, maxRetries: 20 });
    },
  };
}

export async function run(
  program: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<CommandResult> {
  const { code, stdout, stderr } = await endProgram(program, args, options);
  return { code: code ?? 1, stdout, stderr };
}
