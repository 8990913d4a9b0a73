// A CCM and agents as processes of their own, each started, ended and killed by the test, with an environment each (a failpoint, a fake
// clock), over state directories that it may tamper with.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient } from '../../../src/client/client.ts';
import { until } from '../../../src/plugins/testing/until.ts';
import { type Author, createAuthor, type GitResult } from '../../lab/author.ts';
import { lastingPort } from '../../lab/lasting-port.ts';
import { launcher } from '../up-process.ts';
import { type CommandResult, run } from './fleet.ts';
import { createMachine, type Machine } from './machine.ts';

export interface SeparateFleet {
  readonly directory: string;
  readonly ccm: Machine;
  /** Where the CCM's public port and its agents' port are, running or not. */
  readonly api: string;
  readonly agentUrl: string;
  readonly adminToken: string;
  readonly author: Author;
  client(): Client;
  treecast(...args: readonly string[]): Promise<CommandResult>;
  /** Resolves to how a CCM ended by itself, without ever being ready. */
  startInVain(): Promise<CommandResult>;
  /** Joins with a new token, unless one is given; not started. */
  join(name: string, token?: string): Promise<Machine>;
  /** That of this name, joined or found. */
  agent(name: string): Machine;
  /** Commits one page and pushes it. */
  push(site: string, content: string, options?: readonly string[]): Promise<GitResult>;
  /** As {@link push}, by force, and it must succeed; the tree's id. */
  pushed(site: string, content: string): Promise<string>;
  /** What a node serves of a site; undefined when nothing. */
  page(node: string, site: string): Promise<string | undefined>;
  /** Every node named holds and proves this tree of `docs`. */
  assertVerified(tree: string, nodes: readonly string[]): Promise<void>;
  untilServed(site: string, content: string, nodes: readonly string[]): Promise<void>;
  /** `docs`, by what the CCM knows. */
  untilLive(node: string, tree: string): Promise<void>;
  untilConnected(...nodes: readonly string[]): Promise<void>;
  /** `unmount` is called once nothing runs. */
  close(unmount?: () => Promise<unknown>): Promise<void>;
}

/**
 * Nothing is started. `prepare` is given the CCM's directory, which does not exist yet: it may put a file system there, or a CCM, whose
 * admin token it resolves to.
 */
export async function createSeparateFleet(
  prepare?: (directory: string) => Promise<string | undefined>,
): Promise<SeparateFleet> {
  const directory = await mkdtemp(join(tmpdir(), 'treecast-fleet-'));
  const ccmDirectory = join(directory, 'ccm');
  const foundToken = await prepare?.(ccmDirectory);
  const author = await createAuthor();
  const env = { ...process.env, TREECAST_CONTEXT: join(directory, 'context.json') };
  const agents = new Map<string, Machine>();
  const [publicPort, agentPort] = [await lastingPort(), await lastingPort()];
  const api = `http://127.0.0.1:${publicPort}`;
  const adminToken = foundToken ?? (await initCcm());
  await writeFile(
    join(ccmDirectory, 'ccm.yaml'),
    `listen: 127.0.0.1:${publicPort}\nagentListen: 127.0.0.1:${agentPort}\n`,
  );
  const runCcm = ['ccm', 'run', '--dir', ccmDirectory] as const;
  const ccm = createMachine(runCcm, ccmDirectory, env);
  const client = () => createClient({ api, token: adminToken });
  const treecast = (...args: readonly string[]) =>
    run(launcher, args, { env: { ...env, TREECAST_API: api, TREECAST_TOKEN: adminToken } });

  async function initCcm(): Promise<string> {
    const { code, stdout, stderr } = await run(launcher, ['ccm', 'init', '--dir', ccmDirectory, '--json'], {
      env,
    });
    assert.equal(code, 0, stderr);
    return (JSON.parse(stdout) as { token: string }).token;
  }

  const fleet: SeparateFleet = {
    directory,
    ccm,
    api,
    agentUrl: `https://127.0.0.1:${agentPort}`,
    adminToken,
    author,
    client,
    treecast,
    startInVain: () => treecast(...runCcm, '--json'),
    async join(name, token) {
      const joinToken = token ?? (await client().joinTokens.create()).token;
      const home = join(directory, name);
      const { code, stderr } = await treecast('agent', 'join', joinToken, '--dir', home, '--name', name);
      if (code !== 0) throw new Error(stderr);
      return fleet.agent(name);
    },
    agent(name) {
      const home = join(directory, name);
      const agent = agents.get(name) ?? createMachine(['agent', 'run', '--dir', home], home, env);
      agents.set(name, agent);
      return agent;
    },
    async push(site, content, options = []) {
      await author.write('index.html', content);
      await author.commit();
      return author.push(`${api.replace('://', `://author:${adminToken}@`)}/git/${site}.git`, options);
    },
    async pushed(site, content) {
      const { code, stderr } = await fleet.push(site, content, ['--force']);
      assert.equal(code, 0, stderr);
      return author.tree();
    },
    page: (node, site) =>
      readFile(join(directory, node, 'sites', site, 'live', 'index.html'), 'utf8').catch(() => undefined),
    async assertVerified(tree, nodes) {
      const result = await client().sites.verify('docs');
      assert.deepEqual(
        result.nodes.map(({ name, ok, tree: own }) => ({ name, ok, tree: own })),
        nodes.map((name) => ({ name, ok: true, tree })),
      );
    },
    untilServed: (site, content, nodes) =>
      until(
        `${nodes.join(', ')} serve ${content}`,
        async () => {
          for (const node of nodes) if ((await fleet.page(node, site)) !== content) return false;
          return true;
        },
        30_000,
      ),
    untilLive: (node, tree) =>
      until(
        `${node} serves ${tree}`,
        async () =>
          (await client().sites.status('docs')).nodes.some(
            (state) => state.node === node && state.connected && state.liveTree === tree,
          ),
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
      for (const machine of [...agents.values(), ccm]) await machine.end('SIGKILL');
      await unmount?.();
      await author.remove();
      await rm(directory, { recursive: true, force: true, maxRetries: 20 });
    },
  };
  return fleet;
}
