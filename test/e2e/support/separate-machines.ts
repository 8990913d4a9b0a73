// A CCM and agents as processes of their own, each started and killed by the test, with an environment each (a failpoint, a fake clock).

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Client, createClient } from '../../../src/client/client.ts';
import { until } from '../../../src/plugins/testing/until.ts';
import { type Author, createAuthor } from '../../lab/author.ts';
import { lastingPort } from '../../lab/lasting-port.ts';
import { launcher } from '../up-process.ts';
import { type CommandResult, run } from './fleet.ts';

export interface Machine {
  /** Of everything it ever ran; JSON lines on standard error. */
  log(): string;
  start(env?: NodeJS.ProcessEnv): Promise<void>;
  /** Resolves when it has ended, however. */
  ended(): Promise<void>;
  end(signal?: NodeJS.Signals): Promise<void>;
  readonly pid: number | undefined;
  readonly directory: string;
}

export interface Machines {
  readonly directory: string;
  readonly ccm: Machine;
  readonly adminToken: string;
  readonly author: Author;
  client(): Client;
  treecast(...args: readonly string[]): Promise<CommandResult>;
  /** Joins with a new token, unless one is given; not started. */
  join(name: string, token?: string): Promise<Machine>;
  /** Commits one page and pushes it to `docs`; the tree's id. */
  push(page: string): Promise<string>;
  /** Every node named holds and proves this tree. */
  assertVerified(tree: string, nodes: readonly string[]): Promise<void>;
  untilLive(node: string, tree: string): Promise<void>;
  close(): Promise<void>;
}

/** With a site `docs` that every node gets; the CCM runs. `configuration` are further lines of ccm.yaml. */
export async function startMachines(configuration = ''): Promise<Machines> {
  const directory = await mkdtemp(join(tmpdir(), 'treecast-machines-'));
  const author = await createAuthor();
  const machines: Machine[] = [];
  const env = { ...process.env, TREECAST_CONTEXT: join(directory, 'context.json') };
  let api = '';

  function machine(args: readonly string[], home: string, onReady: (line: string) => void): Machine {
    let child: ChildProcess | undefined;
    let log = '';
    let exited: Promise<unknown> = Promise.resolve();
    const made: Machine = {
      directory: home,
      log: () => log,
      get pid() {
        return child?.pid;
      },
      async start(more = {}) {
        const started = spawn(launcher, [...args, '--json'], {
          stdio: ['ignore', 'pipe', 'pipe'],
          env: { ...env, ...more },
        });
        child = started;
        exited = once(started, 'exit');
        started.stderr.on('data', (data: Buffer) => {
          log += data.toString();
        });
        const ready = once(createInterface({ input: started.stdout }), 'line') as Promise<[string]>;
        const [line] = (await Promise.race([ready, exited.then(() => undefined)])) ?? [];
        if (line === undefined || (JSON.parse(line) as { ready?: boolean }).ready !== true)
          throw new Error(`${args.join(' ')} is not ready: ${line ?? 'it ended'} ${log}`);
        onReady(line);
      },
      async ended() {
        await exited;
      },
      async end(signal = 'SIGTERM') {
        if (child?.exitCode === null && child.signalCode === null) child.kill(signal);
        await exited;
      },
    };
    machines.push(made);
    return made;
  }

  const ccmDirectory = join(directory, 'ccm');
  const init = await run(launcher, ['ccm', 'init', '--dir', ccmDirectory, '--json'], { env });
  assert.equal(init.code, 0, init.stderr);
  const adminToken = (JSON.parse(init.stdout) as { token: string }).token;
  const [publicPort, agentPort] = [await lastingPort(), await lastingPort()];
  const path = join(ccmDirectory, 'ccm.yaml');
  const text = (await readFile(path, 'utf8'))
    .replace(/^listen:.*$/m, `listen: 127.0.0.1:${publicPort}`)
    .replace(/^agentListen:.*$/m, `agentListen: 127.0.0.1:${agentPort}`);
  await writeFile(path, `${text}\n${configuration}\n`);
  const ccm = machine(['ccm', 'run', '--dir', ccmDirectory], ccmDirectory, (line) => {
    api = (JSON.parse(line) as { api: string }).api;
  });
  await ccm.start();
  const client = (): Client => createClient({ api, token: adminToken });
  await client().sites.create({ name: 'docs' });

  return {
    directory,
    ccm,
    adminToken,
    author,
    client,
    treecast: (...args) =>
      run(launcher, args, { env: { ...env, TREECAST_API: api, TREECAST_TOKEN: adminToken } }),
    async join(name, token) {
      const text = token ?? (await client().joinTokens.create()).token;
      const home = join(directory, name);
      const joined = await run(launcher, ['agent', 'join', text, '--dir', home, '--name', name], { env });
      if (joined.code !== 0) throw new Error(joined.stderr);
      return machine(['agent', 'run', '--dir', home], home, () => undefined);
    },
    async push(page) {
      await author.write('index.html', page);
      const tree = await author.commit();
      const url = new URL(`${api}/git/docs.git`);
      url.username = 'author';
      url.password = adminToken;
      const { code, stderr } = await author.push(url.href, ['--force']);
      assert.equal(code, 0, stderr);
      return tree;
    },
    async assertVerified(tree, nodes) {
      const result = await client().sites.verify('docs');
      assert.deepEqual(
        result.nodes.map(({ name, ok, tree: own }) => ({ name, ok, tree: own })),
        nodes.map((name) => ({ name, ok: true, tree })),
      );
    },
    async untilLive(node, tree) {
      await until(
        `${node} serves ${tree}`,
        async () =>
          (await client().sites.status('docs')).nodes.some(
            (state) => state.node === node && state.connected && state.liveTree === tree,
          ),
        30_000,
      );
    },
    async close() {
      for (const started of machines.reverse()) await started.end('SIGKILL');
      await author.remove();
      await rm(directory, { recursive: true, force: true, maxRetries: 20 });
    },
  };
}
