// A CCM and agents as processes of their own, each ended and started again by the test, over state directories that it may tamper with.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Client, createClient } from '../../../src/client/client.ts';
import { until } from '../../../src/plugins/testing/until.ts';
import { type Author, createAuthor, type GitResult } from '../../lab/author.ts';
import { lastingPort } from '../../lab/lasting-port.ts';
import { launcher } from '../up-process.ts';
import { type CommandResult, run } from './fleet.ts';

export interface SeparateFleet {
  readonly ccmDirectory: string;
  readonly api: string;
  readonly agentUrl: string;
  readonly author: Author;
  readonly ccmPid: number;
  /** What the CCM wrote on standard error since it was last started. */
  readonly log: string;
  client(): Client;
  treecast(...args: readonly string[]): Promise<CommandResult>;
  startCcm(): Promise<void>;
  /** Resolves to how it ended by itself, without ever being ready. */
  startInVain(): Promise<CommandResult>;
  endCcm(signal?: NodeJS.Signals): Promise<void>;
  join(name: string): Promise<void>;
  startAgent(name: string): Promise<void>;
  endAgent(name: string, signal?: NodeJS.Signals): Promise<void>;
  /** Commits one page and pushes it. */
  push(site: string, content: string, options?: readonly string[]): Promise<GitResult>;
  /** What a node serves of a site; undefined when nothing. */
  page(node: string, site: string): Promise<string | undefined>;
  untilServed(site: string, content: string, nodes: readonly string[]): Promise<void>;
  untilConnected(...nodes: readonly string[]): Promise<void>;
  /** `unmount` is called once nothing runs. */
  close(unmount?: () => Promise<unknown>): Promise<void>;
}

/** `prepare` is given the CCM's directory, which does not exist yet: it may put a file system there, or a CCM, whose admin token it resolves to. */
export async function createSeparateFleet(
  prepare?: (directory: string) => Promise<string | undefined>,
): Promise<SeparateFleet> {
  const directory = await mkdtemp(join(tmpdir(), 'treecast-fleet-'));
  const ccmDirectory = join(directory, 'ccm');
  const foundToken = await prepare?.(ccmDirectory);
  const author = await createAuthor();
  const env = { ...process.env, TREECAST_CONTEXT: join(directory, 'context.json') };
  const agents = new Map<string, ChildProcess>();
  let ccm: ChildProcess | undefined;
  let log = '';
  const treecast = (...args: readonly string[]) => run(launcher, args, { env });
  const [publicPort, agentPort] = [await lastingPort(), await lastingPort()];
  const api = `http://127.0.0.1:${publicPort}`;
  const token = foundToken ?? (await initCcm());
  await writeFile(
    join(ccmDirectory, 'ccm.yaml'),
    `listen: 127.0.0.1:${publicPort}\nagentListen: 127.0.0.1:${agentPort}\n`,
  );
  const client = () => createClient({ api, token });
  const runCcm = ['ccm', 'run', '--dir', ccmDirectory, '--log-level', 'warn'] as const;

  async function initCcm(): Promise<string> {
    const { code, stdout, stderr } = await treecast('ccm', 'init', '--dir', ccmDirectory, '--json');
    assert.equal(code, 0, stderr);
    return (JSON.parse(stdout) as { token: string }).token;
  }

  async function start(args: readonly string[], onLog: (text: string) => void): Promise<ChildProcess> {
    const child = spawn(launcher, [...args, '--json'], { stdio: ['ignore', 'pipe', 'pipe'], env });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      onLog(text);
    });
    const ready = once(createInterface({ input: child.stdout }), 'line').then(
      ([line]) => (JSON.parse(String(line)) as { ready?: boolean }).ready === true || String(line),
    );
    const ended = once(child, 'exit').then(([code, signal]) => `ended with ${String(signal ?? code)}`);
    const how = await Promise.race([ready, ended]);
    assert.equal(how, true, `${args.join(' ')} is not ready: ${said}`);
    return child;
  }

  async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  const fleet: SeparateFleet = {
    ccmDirectory,
    api,
    agentUrl: `https://127.0.0.1:${agentPort}`,
    author,
    get ccmPid() {
      return ccm?.pid as number;
    },
    get log() {
      return log;
    },
    client,
    treecast: (...args) => run(launcher, args, { env: { ...env, TREECAST_API: api, TREECAST_TOKEN: token } }),
    async startCcm() {
      log = '';
      ccm = await start(runCcm, (text) => {
        log += text;
      });
    },
    startInVain: () => treecast(...runCcm, '--json'),
    endCcm: (signal = 'SIGTERM') => end(ccm, signal),
    async join(name) {
      const joinToken = await client().joinTokens.create();
      const target = join(directory, name);
      const { code, stderr } = await treecast(
        'agent',
        'join',
        joinToken.token,
        '--dir',
        target,
        '--name',
        name,
      );
      assert.equal(code, 0, stderr);
    },
    async startAgent(name) {
      agents.set(name, await start(['agent', 'run', '--dir', join(directory, name)], () => undefined));
    },
    endAgent: (name, signal = 'SIGTERM') => end(agents.get(name), signal),
    async push(site, content, options = []) {
      await author.write('index.html', content);
      await author.commit();
      return author.push(`${api.replace('://', `://author:${token}@`)}/git/${site}.git`, options);
    },
    page: (node, site) =>
      readFile(join(directory, node, 'sites', site, 'live', 'index.html'), 'utf8').catch(() => undefined),
    untilServed: (site, content, nodes) =>
      until(
        `${nodes.join(', ')} serve ${content}`,
        async () => {
          for (const node of nodes) if ((await fleet.page(node, site)) !== content) return false;
          return true;
        },
        30_000,
      ),
    untilConnected: (...nodes) =>
      until(
        `${nodes.join(', ')} are connected`,
        async () => {
          for (const node of nodes) if (!(await client().nodes.get(node)).connected) return false;
          return true;
        },
        30_000,
      ),
    async close(unmount) {
      for (const child of [...agents.values(), ccm]) await end(child, 'SIGTERM');
      await unmount?.();
      await author.remove();
      await rm(directory, { recursive: true, force: true, maxRetries: 20 });
    },
  };
  return fleet;
}
