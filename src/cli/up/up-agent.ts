// One agent of `up`: joined with a real one-time token at its first start, configured, then kept running.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '../../client/client.ts';
import { isAgentJoined, joinAgent, writeAgentConfiguration } from '../agent-entry.ts';
import { type AgentChild, startAgentChild } from './agent-child.ts';
import { isPortFree, pickPorts } from './pick-ports.ts';
import { sampleSite } from './sample-site.ts';
import { type UpState, upHost, writeUpState } from './up-state.ts';

export interface UpAgentOptions {
  /** Of `up`. */
  readonly directory: string;
  readonly client: Client;
  /** Origin of the CCM's agents' port; it may be another one than when the agent joined. */
  readonly agentUrl: string;
  readonly state: UpState;
  readonly node: UpState['nodes'][number];
  readonly env: NodeJS.ProcessEnv;
  /** Aborted when `up` ends: from then on ending agents are no news (Ctrl-C reaches them as well). */
  readonly signal: AbortSignal;
  note(line: string): void;
}

export interface UpAgent {
  prepare(): Promise<void>;
  start(): AgentChild;
}

export function createUpAgent({
  directory,
  client,
  agentUrl,
  state,
  node,
  env,
  signal,
  note,
}: UpAgentOptions): UpAgent {
  const agentDirectory = join(directory, 'agents', node.name);
  const logPath = join(agentDirectory, 'agent.log');
  const configure = () =>
    writeAgentConfiguration(agentDirectory, {
      ccm: agentUrl,
      serve: { listen: `${upHost}:${node.port}`, site: sampleSite },
    });
  return {
    async prepare() {
      await mkdir(agentDirectory, { recursive: true, mode: 0o700 });
      if (!(await isAgentJoined(agentDirectory))) {
        const { token } = await client.joinTokens.create();
        await joinAgent({ directory: agentDirectory, token, name: node.name });
      }
      await configure();
    },
    start: () =>
      startAgentChild({
        directory: agentDirectory,
        logPath,
        env,
        async beforeRestart() {
          if (await isPortFree(node.port, upHost)) return;
          const [port] = await pickPorts([0], upHost);
          if (port === undefined) return;
          node.port = port;
          await writeUpState(directory, state);
          await configure();
        },
        onExit(what) {
          if (!signal.aborted) note(`${node.name} ended (${what}); starting it again. Its log: ${logPath}`);
        },
      }),
  };
}
