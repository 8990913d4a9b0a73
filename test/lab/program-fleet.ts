// Treecast's side: a CCM and N agents, started by the launcher as an operator would, each agent at its own place.

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Client, createClient } from '../../src/client/client.ts';
import type { VerifyResult } from '../../src/model/api.ts';
import type { SitePolicy } from '../../src/model/site.ts';
import { freePorts } from '../../src/plugins/testing/free-ports.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { type Place, spawnAt } from './places.ts';
import { createProcesses, endOf, lineFrom, type ProcessEnd, type Processes } from './processes.ts';
import { openRelay } from './relay.ts';
import { runProgram } from './run-program.ts';

export interface Fleet {
  /** As admin. */
  readonly client: Client;
  readonly site: string;
  /** Where to push, the author's token included. */
  readonly remote: string;
  /** Origins of the nodes' static servers, where they have them. */
  readonly urls: readonly string[];
  /** When the last agent said for the first time that it runs; as performance.now(). */
  readonly startedAt: number;
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
  readonly logLevel?: 'info' | 'warn' | 'error';
  /** All write their logs into files, `logOf` says where; else to this process's standard error. */
  readonly logFiles?: boolean;
  /** The segment that the join token of node `node<index + 1>` names. */
  readonly segment?: (index: number) => string;
  /** Asked when node `node<index + 1>` joins: whose tunnel it joins through. */
  readonly via?: (index: number) => string | undefined;
  /** The CCM runs in its place's namespace, and is reached from outside of it; else this process runs there itself. */
  readonly relay?: boolean;
  /** Of the site. */
  readonly policy?: Partial<SitePolicy>;
}

/** Of `ccm` or a node, all its starts. */
export function logOf(directory: string, program: string): string {
  return join(directory, `${program}.log`);
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
  const start: Start = { directory, env, processes, configuration };
  try {
    const ccmRun = await startCcm(start, ccm);
    const api = configuration.relay === true ? await openRelay(ccm, ccmRun.api, processes) : ccmRun.api;
    const client = createClient({ api, token: ccmRun.token });
    await client.groups.create({ name: site, nodes: [], selector: {} });
    await client.sites.create({ name: site, group: site, policy: configuration.policy ?? {} });
    const author = await client.tokens.create({ name: 'author', roles: ['author'] });
    const agents = await startAgents(start, nodes, client);
    const startedAt = performance.now();
    await allConnected(client, nodes.length);
    const remote = new URL(`/git/${site}.git`, api);
    remote.username = 'author';
    remote.password = author.token;
    return {
      client,
      site,
      remote: remote.href,
      urls: agents.flatMap(({ url }) => url ?? []),
      startedAt,
      ccmPid: ccmRun.pid,
      agentPid: (index) => agents[index]?.pid() as number,
      verify: () => client.sites.verify(site),
      restartCcm: (signal, env) => ccmRun.restart(signal, env),
      restartAgent: async (index, signal, env) => agents[index]?.restart(signal, env),
      ccmEnd: () => ccmRun.end(),
      agentEnd: (index) => (agents[index] as RunningAgent).end(),
      addAgent: async (place) => {
        const index = agents.length;
        await joinAgent(start, client, index, place);
        agents[index] = await runAgent(start, index, place);
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
  readonly configuration: FleetConfiguration;
}

/** A program that says when it is ready, and can be ended and started again. */
async function restartable<Ready>(
  { processes }: Start,
  spawnOne: (env: NodeJS.ProcessEnv) => Promise<ChildProcess>,
): Promise<Restartable & { readonly ready: Ready }> {
  let child: ChildProcess;
  const begin = async (env: NodeJS.ProcessEnv): Promise<Ready> => {
    child = processes.add(await spawnOne(env));
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

async function startCcm(start: Start, place: Place) {
  const { directory, env, configuration } = start;
  const ccmDirectory = join(directory, 'ccm');
  const made = await runProgram(launcher, ['ccm', 'init', '--dir', ccmDirectory, '--json'], { env });
  const { token } = JSON.parse(made) as { token: string };
  const [port, agentPort] = await freePorts(2);
  const listen = { listen: `127.0.0.1:${port}`, agentListen: `${place.address}:${agentPort}` };
  await writeFile(join(ccmDirectory, 'ccm.yaml'), JSON.stringify({ ...listen, ...configuration.ccm }));
  const parameters = ['ccm', 'run', '--dir', ccmDirectory, '--log-level', levelOf(start), '--json'];
  const at = configuration.relay === true ? place : { ...place, namespace: null };
  const program = await restartable<{ api: string }>(start, (more) =>
    spawnLogging(start, 'ccm', at, parameters, more),
  );
  return { ...program, api: program.ready.api, token };
}

interface RunningAgent extends Restartable {
  readonly url: string | null;
}

/** In the order of the places. All join before the first runs. */
async function startAgents(start: Start, nodes: readonly Place[], client: Client): Promise<RunningAgent[]> {
  const agents: RunningAgent[] = [];
  await fewAtOnce(nodes, (place, index) => joinAgent(start, client, index, place));
  await fewAtOnce(nodes, async (place, index) => {
    agents[index] = await runAgent(start, index, place);
  });
  return agents;
}

async function fewAtOnce(
  nodes: readonly Place[],
  work: (place: Place, index: number) => Promise<void>,
): Promise<void> {
  const waiting = [...nodes.entries()];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await work(next[1], next[0]);
  };
  await Promise.all(Array.from({ length: startingAtOnce }, worker));
}

async function joinAgent(start: Start, client: Client, index: number, place: Place): Promise<void> {
  const { env, configuration } = start;
  const agentDirectory = directoryOf(start, index);
  const segment = configuration.segment?.(index);
  const { token } = await client.joinTokens.create(segment === undefined ? {} : { segment });
  const server = configuration.agent === undefined ? ['--serve', `${place.address}:0`] : [];
  const via = configuration.via?.(index);
  const through = via === undefined ? [] : ['--via', via];
  const own = ['--dir', agentDirectory, '--name', `node${index + 1}`];
  const joinCommand = ['agent', 'join', token, ...own, ...through, ...server, '--json'];
  const joining = spawnAt(place, launcher, joinCommand, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  await lineFrom(joining, (line) => line.startsWith('{"node":'));
  await once(joining, 'exit');
  if (configuration.agent !== undefined)
    await writeFile(join(agentDirectory, 'agent.yaml'), JSON.stringify(configuration.agent(index)));
}

async function runAgent(start: Start, index: number, place: Place): Promise<RunningAgent> {
  const run = ['agent', 'run', '--dir', directoryOf(start, index), '--log-level', levelOf(start), '--json'];
  const program = await restartable<{ url: string | null }>(start, (more) =>
    spawnLogging(start, `node${index + 1}`, place, run, more),
  );
  return { ...program, url: program.ready.url };
}

async function spawnLogging(
  { directory, env, configuration }: Start,
  name: string,
  place: Place,
  parameters: readonly string[],
  more: NodeJS.ProcessEnv,
): Promise<ChildProcess> {
  const log = configuration.logFiles === true ? await open(logOf(directory, name), 'a') : undefined;
  try {
    const stdio = ['ignore', 'pipe', log?.fd ?? 'inherit'] as const;
    return spawnAt(place, launcher, parameters, { env: { ...env, ...more }, stdio: [...stdio] });
  } finally {
    await log?.close();
  }
}

function directoryOf({ directory }: Start, index: number): string {
  return join(directory, `node${index + 1}`);
}

function levelOf({ configuration }: Start): string {
  return configuration.logLevel ?? 'warn';
}

function isReady(line: string): boolean {
  return line.startsWith('{"ready":true');
}

async function allConnected(client: Client, nodes: number): Promise<void> {
  let connected = 0;
  await until(
    () => `${nodes} agents are connected, not only ${connected}`,
    async () => {
      connected = (await client.nodes.list()).filter((node) => node.connected).length;
      return connected === nodes;
    },
    connectTimeoutMs,
  );
}
