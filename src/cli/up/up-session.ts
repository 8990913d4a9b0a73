// What `up` runs: the CCM in this process and agents as child processes, from the state directory to ready to closed.
// What it prints is up-text.ts's and the command's.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createClient } from '../../client/client.ts';
import { lockStateDirectory } from '../../net/state-lock.ts';
import { type RunningCcm, runCcm } from '../ccm-entry.ts';
import { createServiceLogger, type LogConfiguration } from '../service-logger.ts';
import type { AgentChild } from './agent-child.ts';
import { keptToken } from './kept-token.ts';
import { planUpState } from './plan-up-state.ts';
import { ensureSampleSite, sampleBranch, sampleSite } from './sample-site.ts';
import { createUpAgent } from './up-agent.ts';
import { upHost, writeUpState } from './up-state.ts';
import { whenNodesServe } from './when-nodes-serve.ts';

/** What a shutdown may take, for the agents and then for the CCM; the CCM's state is safe at every moment. */
const agentGraceMs = 1800;
const ccmGraceMs = 1000;

/** The one line of `up --json`. */
export interface UpReady {
  readonly ready: true;
  readonly api: string;
  readonly git: string;
  readonly token: string;
  readonly site: string;
  readonly branch: string;
  readonly nodes: readonly { readonly name: string; readonly url: string }[];
}

export interface UpOptions {
  readonly directory: string;
  /** Undefined: as many as last time, at first three. */
  readonly agents: number | undefined;
  /** Undefined: as last time, at first the default one; 0: a free one. */
  readonly port: number | undefined;
  readonly log: LogConfiguration;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  note(line: string): void;
}

export interface UpSession {
  readonly ready: UpReady;
  /** For this machine's own CLI: may do everything. */
  readonly adminToken: string;
  /** Rejects when the CCM can no longer go on. */
  readonly failed: Promise<never>;
  close(): Promise<void>;
}

/** Throws STATE_DIRECTORY_LOCKED, CONFLICT (port). Undoes what it started when it throws. */
export async function startUp(options: UpOptions): Promise<UpSession> {
  const { directory, note } = options;
  const lock = lockStateDirectory(directory, 'treecast up');
  const fatal = Promise.withResolvers<never>();
  // It may come before anybody waits for it.
  fatal.promise.catch(() => undefined);
  const children: AgentChild[] = [];
  let ccm: RunningCcm | undefined;
  const close = async (): Promise<void> => {
    await Promise.all(children.map((child) => child.stop(agentGraceMs)));
    await Promise.race([ccm?.close(), delay(ccmGraceMs, undefined, { ref: false })]);
    lock.release();
  };
  try {
    const state = await planUpState(options);
    await writeUpState(directory, state);
    const ccmDirectory = join(directory, 'ccm');
    await mkdir(ccmDirectory, { recursive: true, mode: 0o700 });
    ccm = await runCcm({
      directory: ccmDirectory,
      configuration: {
        listen: `${upHost}:${state.port}`,
        agentListen: `${upHost}:${state.agentPort}`,
        segments: { preset: 'fast', timers: {} },
        tree: 'on',
        plugins: [],
        certificateDays: 90,
        uplink: null,
        log: options.log,
      },
      logger: await createServiceLogger(options.log, { file: join(directory, 'ccm.log') }),
      create: true,
      onFatal: fatal.reject,
    });
    const token = await keptToken(ccm, join(directory, 'token'), {
      name: 'up',
      roles: ['author', 'operator'],
    });
    const adminToken = await keptToken(ccm, join(directory, 'admin-token'), {
      name: 'up-admin',
      roles: ['author', 'admin'],
    });
    const client = createClient({ api: ccm.api, token: adminToken });
    await ensureSampleSite(client);
    const { agentUrl } = ccm;
    const running = state.nodes.slice(0, state.agents);
    const agents = running.map((node) => createUpAgent({ ...options, client, agentUrl, state, node }));
    // Joined one after the other, and only then started: the start of Node processes takes all the CPU there is.
    for (const agent of agents) await agent.prepare();
    for (const agent of agents) children.push(agent.start());
    const names = running.map(({ name }) => name);
    const nodes = await whenNodesServe(client, names, { signal: options.signal, note });
    const ready: UpReady = {
      ready: true,
      api: ccm.api,
      git: ccm.git(sampleSite),
      token,
      site: sampleSite,
      branch: sampleBranch,
      nodes,
    };
    return { ready, adminToken, failed: fatal.promise, close };
  } catch (error) {
    await close();
    throw error;
  }
}
