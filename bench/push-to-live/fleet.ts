// Treecast's side: a CCM and N agents, started by the launcher as an operator would, each agent at its own place.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Client, createClient } from '../../src/client/client.ts';
import type { VerifyResult } from '../../src/model/api.ts';
import { runProgram } from '../../test/lab/run-program.ts';
import { type Place, spawnAt } from './places.ts';
import { createProcesses, lineFrom, type Processes } from './processes.ts';

export interface Fleet {
  /** Where to push, the author's token included. */
  readonly remote: string;
  /** Origins of the nodes' static servers. */
  readonly urls: readonly string[];
  /** Every node re-reads every byte. */
  verify(): Promise<VerifyResult>;
  close(): Promise<void>;
}

const launcher = join(import.meta.dirname, '../../bin/treecast');
const site = 'bench';
const connectTimeoutMs = 60_000;
const startingAtOnce = 4;

export async function createFleet(directory: string, ccm: Place, nodes: readonly Place[]): Promise<Fleet> {
  await mkdir(directory, { recursive: true });
  const env: NodeJS.ProcessEnv = { ...process.env, TREECAST_CONTEXT: join(directory, 'context.json') };
  const processes = createProcesses();
  try {
    const { api, token } = await startCcm(directory, ccm, env, processes);
    const client = createClient({ api, token });
    await client.groups.create({ name: site, nodes: [], selector: {} });
    await client.sites.create({ name: site, group: site });
    const author = await client.tokens.create({ name: 'author', roles: ['author'] });
    const urls = await startAgents(directory, nodes, env, processes, client);
    await allConnected(client, nodes.length);
    const remote = new URL(`/git/${site}.git`, api);
    remote.username = 'author';
    remote.password = author.token;
    return {
      remote: remote.href,
      urls,
      verify: () => client.sites.verify(site),
      close: () => processes.end(),
    };
  } catch (error) {
    await processes.end();
    throw error;
  }
}

async function startCcm(
  directory: string,
  { address }: Place,
  env: NodeJS.ProcessEnv,
  processes: Processes,
): Promise<{ api: string; token: string }> {
  const ccmDirectory = join(directory, 'ccm');
  const made = await runProgram(launcher, ['ccm', 'init', '--dir', ccmDirectory, '--json'], { env });
  const { token } = JSON.parse(made) as { token: string };
  const configuration = { listen: '127.0.0.1:0', agentListen: `${address}:0` };
  await writeFile(join(ccmDirectory, 'ccm.yaml'), JSON.stringify(configuration));
  const parameters = ['ccm', 'run', '--dir', ccmDirectory, '--log-level', 'warn', '--json'];
  const child = processes.add(spawn(launcher, parameters, { env, stdio: ['ignore', 'pipe', 'inherit'] }));
  const { api } = JSON.parse(await lineFrom(child, isReady)) as { api: string };
  return { api, token };
}

/** Resolves with their origins, in the order of the places. */
async function startAgents(
  directory: string,
  nodes: readonly Place[],
  env: NodeJS.ProcessEnv,
  processes: Processes,
  client: Client,
): Promise<string[]> {
  const urls: string[] = [];
  const waiting = [...nodes.entries()];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [index, place] = next;
      const name = `node${index + 1}`;
      const own = ['--dir', join(directory, name)];
      const { token } = await client.joinTokens.create();
      const server = ['--name', name, '--serve', `${place.address}:0`];
      const joining = spawnAt(place, launcher, ['agent', 'join', token, ...own, ...server, '--json'], {
        env,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await lineFrom(joining, (line) => line.startsWith('{"node":'));
      await once(joining, 'exit');
      const run = ['agent', 'run', ...own, '--log-level', 'warn', '--json'];
      const child = processes.add(
        spawnAt(place, launcher, run, { env, stdio: ['ignore', 'pipe', 'inherit'] }),
      );
      const { url } = JSON.parse(await lineFrom(child, isReady)) as { url: string };
      urls[index] = url;
    }
  };
  await Promise.all(Array.from({ length: startingAtOnce }, worker));
  return urls;
}

function isReady(line: string): boolean {
  return line.startsWith('{"ready":true');
}

async function allConnected(client: Client, nodes: number): Promise<void> {
  const until = performance.now() + connectTimeoutMs;
  for (;;) {
    const connected = (await client.nodes.list()).filter((node) => node.connected).length;
    if (connected === nodes) return;
    if (performance.now() > until) throw new Error(`only ${connected} of ${nodes} agents connected`);
    await pause(50);
  }
}
