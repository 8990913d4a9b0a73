// The CLI's view of the agent's entry points, loaded only by the commands that need them. A change of theirs touches this file.

import type { Readable } from 'node:stream';
import type {
  AgentConfiguration,
  AgentConfigurationInput,
} from '../agent/configuration/agent-configuration.ts';
import type { Joined } from '../agent/join/join-ccm.ts';
import type { RunningAgent } from '../agent/run/run-agent.ts';
import type { NetworkFinding, NetworkQuestions } from '../agent/segment/network-findings.ts';
import { packageVersion } from './package-version.ts';
import type { ServiceLogger } from './service-logger.ts';

export type { AgentConfigurationInput };

/** Uses the token up; repeating it with the same token is harmless. Writes agent.yaml when a configuration is given. */
export async function joinAgent(options: {
  readonly directory: string;
  readonly token: string;
  readonly name: string;
  readonly via?: { readonly address: string; readonly port: number };
  readonly configuration?: AgentConfigurationInput;
}): Promise<Joined> {
  const { joinCcm } = await import('../agent/join/join-ccm.ts');
  return joinCcm(options);
}

export async function isAgentJoined(directory: string): Promise<boolean> {
  const { readNodeIdentity } = await import('../agent/join/node-identity.ts');
  return (await readNodeIdentity(directory)) !== undefined;
}

export async function writeAgentConfiguration(
  directory: string,
  configuration: AgentConfigurationInput,
): Promise<void> {
  const entry = await import('../agent/configuration/agent-configuration.ts');
  await entry.writeAgentConfiguration(directory, configuration);
}

export async function readAgentConfiguration(directory: string): Promise<AgentConfiguration> {
  const entry = await import('../agent/configuration/agent-configuration.ts');
  return entry.readAgentConfiguration(directory);
}

export async function runAgent(
  directory: string,
  { logger, signal }: { readonly logger: ServiceLogger; readonly signal: AbortSignal },
): Promise<RunningAgent> {
  const entry = await import('../agent/run/run-agent.ts');
  return entry.runAgent(directory, { version: packageVersion(), log: logger, signal });
}

/** What `doctor network` finds. */
export async function networkFindings(
  directory: string,
  questions: NetworkQuestions,
): Promise<NetworkFinding[]> {
  const entry = await import('../agent/segment/network-findings.ts');
  return entry.networkFindings(directory, questions);
}

/** For `--with-parent`: when the other end of standard input was closed, however that came. */
export async function untilParentGone(stdin: Readable): Promise<void> {
  const { watchParent } = await import('../agent/run/watch-parent.ts');
  return new Promise((gone) => watchParent(stdin, gone));
}
