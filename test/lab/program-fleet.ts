// Treecast's side: a CCM and N agents, started by the launcher as an operator would, each agent at its own place.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Client, createClient } from '../../src/client/client.ts';
import type { VerifyResult } from '../../src/model/api.ts';
import type { SitePolicy } from '../../src/model/site.ts';
import { freePorts } from '../../src/plugins/testing/free-ports.ts';
import { type Place, spawnAt } from './places.ts';
import { createProcesses, endOf, lineFrom, type ProcessEnd, type Processes } from './processes.ts';
import { runProgram } from './run-program.ts';

export interface Fleet {
  /** As admin. */
  readonly client: Client;
  readonly site: string;
  /** Where to push, the author's token included. */
  readonly remote: string;
  /** Origins of the nodes' static servers, where they have them. */
  readonly urls: readonly string[];
  ccmPid(): number;
  agentPid(index: number): number;
  /** The CCM is killed (SIGKILL), or ended, and started again in its directory and on its ports, with `env` besides its own. */
  restartCcm(signal: 'SIGKILL' | 'SIGTERM', env?: NodeJS.ProcessEnv): Promise<void>;
  restartAgent(index: number, signal: 'SIGKILL' | 'SIGTERM', env?: NodeJS.ProcessEnv): Promise<void>;
  /** Resolves when the process that runs now has ended: what ended it. */
  ccmEnd(): Promise<ProcessEnd>;
  agentEnd(index: number): Promise<ProcessEnd>;
  /** One more node joins; resolves when its agent runs. */
  addAgent(place: Place): Promise<void>;
  /** Every node re-reads every byte. */
  verify(): Promise<VerifyResult>;
  close(): Promise<void>;
}

const launcher = join(import.meta.dirname, '../../bin/treecast');
const site = 'bench';
const connectTimeoutMs = 60_000;
const startingAtOnce = 4;

export interface FleetConfiguration {
  /** Added to ccm.yaml. */
  readonly ccm?: Readonly<Record<string, unknown>>;
  /** agent.yaml of node `node<index + 1>`; without it the built-in static server serves. */
  readonly agent?: (index: number) => Readonly<Record<string, unknown>>;
  /** Below which the programs say nothing; default `warn`. */
  readonly logLevel?: 'warn' | 'error';
  /** Of the site. */
  readonly policy?: Partial<SitePolicy>;
}

export async function createFleet(
  directory: string,
  ccm: Place,
  nodes: readonly Place[],
  configuration: FleetConfiguration = {},
): Promise<Fleet> {
  await mkdir(directory, { recursive: true });
  const env: NodeJS.ProcessEnv = { ...process.env, TREECAST_CONTEXT: join(directory, 'context.json') };
  const processes = createProcesses();
  const start: Start = { directory, env, processes, logLevel: configuration.logLevel ?? 'warn' };
  try {
    const ccmRun = await startCcm(start, ccm, configuration.ccm ?? {});
    const client = createClient({ api: ccmRun.api, token: ccmRun.token });
    await client.groups.create({ name: site, nodes: [], selector: {} });
    await client.sites.create({ name: site, group: site, policy: configuration.policy ?? {} });
    const author = await client.tokens.create({ name: 'author', roles: ['author'] });
    const agents = await startAgents(start, nodes, client, configuration.agent);
    await allConnected(client, nodes.length);
    const remote = new URL(`/git/${site}.git`, ccmRun.api);
    remote.username = 'author';
    remote.password = author.token;
    return {
      client,
      site,
      remote: remote.href,
      urls: agents.flatMap(({ url }) => url ?? []),
      ccmPid: ccmRun.pid,
      agentPid: (index) => agents[index]?.pid() as number,
      verify: () => client.sites.verify(site),
      restartCcm: (signal, env) => ccmRun.restart(signal, env),
      restartAgent: async (index, signal, env) => agents[index]?.restart(signal, env),
      ccmEnd: () => ccmRun.end(),
      agentEnd: (index) => (agents[index] as RunningAgent).end(),
      addAgent: async (place) => {
        const index = agents.length;
        agents[index] = await startAgent(start, client, configuration.agent, index, place);
      },
      close: () => processes.end(),
    };
  } catch (error) {
    await processes.end();
    throw error;
  }
}

interface Start {
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;
  readonly processes: Processes;
  readonly logLevel: string;
}

/** A program that says when it is ready, and can be ended and started again. */
async function restartable<Ready>(
  { processes }: Start,
  spawnOne: (env: NodeJS.ProcessEnv) => ChildProcess,
): Promise<Restartable & { readonly ready: Ready }> {
  let child: ChildProcess;
  const begin = async (env: NodeJS.ProcessEnv): Promise<Ready> => {
    child = processes.add(spawnOne(env));
    return JSON.parse(await lineFrom(child, isReady)) as Ready;
  };
  let ready = await begin({});
  return {
    get ready() {
      return ready;
    },
    pid: () => child.pid as number,
    end: () => endOf(child),
    async restart(signal, env = {}) {
      child.kill(signal);
      await endOf(child);
      ready = await begin(env);
    },
  };
}

interface Restartable {
  pid(): number;
  /** Throws when it ends before it is ready. */
  restart(signal: NodeJS.Signals, env?: NodeJS.ProcessEnv): Promise<void>;
  end(): Promise<ProcessEnd>;
}

async function startCcm(start: Start, { address }: Place, more: Readonly<Record<string, unknown>>) {
  const { directory, env } = start;
  const ccmDirectory = join(directory, 'ccm');
  const made = await runProgram(launcher, ['ccm', 'init', '--dir', ccmDirectory, '--json'], { env });
  const { token } = JSON.parse(made) as { token: string };
  const [port, agentPort] = await freePorts(2);
  const listen = { listen: `127.0.0.1:${port}`, agentListen: `${address}:${agentPort}` };
  await writeFile(join(ccmDirectory, 'ccm.yaml'), JSON.stringify({ ...listen, ...more }));
  const parameters = ['ccm', 'run', '--dir', ccmDirectory, '--log-level', start.logLevel, '--json'];
  const program = await restartable<{ api: string }>(start, (more) =>
    spawn(launcher, parameters, { env: { ...env, ...more }, stdio: ['ignore', 'pipe', 'inherit'] }),
  );
  return { ...program, api: program.ready.api, token };
}

interface RunningAgent extends Restartable {
  readonly url: string | null;
}

/** In the order of the places. */
async function startAgents(
  start: Start,
  nodes: readonly Place[],
  client: Client,
  configurationOf: FleetConfiguration['agent'],
): Promise<RunningAgent[]> {
  const agents: RunningAgent[] = [];
  const waiting = [...nodes.entries()];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [index, place] = next;
      agents[index] = await startAgent(start, client, configurationOf, index, place);
    }
  };
  await Promise.all(Array.from({ length: startingAtOnce }, worker));
  return agents;
}

async function startAgent(
  start: Start,
  client: Client,
  configurationOf: FleetConfiguration['agent'],
  index: number,
  place: Place,
): Promise<RunningAgent> {
  const { directory, env } = start;
  const name = `node${index + 1}`;
  const agentDirectory = join(directory, name);
  const own = ['--dir', agentDirectory];
  const { token } = await client.joinTokens.create();
  const server = configurationOf === undefined ? ['--serve', `${place.address}:0`] : [];
  const joinCommand = ['agent', 'join', token, ...own, '--name', name, ...server, '--json'];
  const joining = spawnAt(place, launcher, joinCommand, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  await lineFrom(joining, (line) => line.startsWith('{"node":'));
  await once(joining, 'exit');
  if (configurationOf !== undefined)
    await writeFile(join(agentDirectory, 'agent.yaml'), JSON.stringify(configurationOf(index)));
  const run = ['agent', 'run', ...own, '--log-level', start.logLevel, '--json'];
  const program = await restartable<{ url: string | null }>(start, (more) =>
    spawnAt(place, launcher, run, { env: { ...env, ...more }, stdio: ['ignore', 'pipe', 'inherit'] }),
  );
  return { ...program, url: program.ready.url };
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
  }
}
