// Runs the agent of a server until it is told to stop.

import { getPriority, setPriority } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import { readAgentConfiguration, runAgent, untilParentGone } from '../agent-entry.ts';
import { defineCommand } from '../command.ts';
import { createServiceLogger, logFormat, logLevel } from '../service-logger.ts';
import { untilAborted } from '../until-aborted.ts';

export const agentRun = defineCommand({
  name: 'agent run',
  summary: 'run the agent of this server',
  details: 'Logs go to standard error. SIGTERM and SIGINT stop it in good order.',
  options: [
    { flags: '--dir <directory>', summary: 'its state directory, made by `agent join`' },
    { flags: '--with-parent', summary: 'stop when standard input closes' },
    {
      flags: '--log-level <level>',
      summary: 'trace, debug, info, warn, error or silent (default: as agent.yaml says)',
    },
    { flags: '--log-format <format>', summary: 'json or pretty (default: json)' },
  ],
  examples: [
    { line: 'treecast agent run --dir /var/lib/treecast', explanation: 'with the agent.yaml there' },
  ],
  kind: 'service',
  exits: ['ok', 'failed', 'refused'],
  json: 'one line when it runs: `{"ready":true,"node","url"}`.',
  input: z.strictObject({
    dir: z.string().min(1),
    withParent: z.boolean().default(false),
    logLevel: logLevel.optional(),
    logFormat: logFormat.default('json'),
  }),
  async run({ dir, withParent, logLevel: level, logFormat: format }, { cwd, output, signal, stdin }) {
    const directory = resolve(cwd, dir);
    const { log, niceness } = await readAgentConfiguration(directory);
    // Before anything else runs: threads and programs inherit it.
    if (niceness > getPriority()) setPriority(niceness);
    const logger = await createServiceLogger({ level: level ?? log.level, format }, 'stderr');
    const agent = await runAgent(directory, { logger, signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    if (agent === undefined) return;
    try {
      output.answer({ ready: true, node: agent.node, url: agent.url }, () => [
        `The agent of ${agent.node} runs${agent.url === null ? '' : ` and serves ${agent.url}`}.`,
      ]);
      await Promise.race([untilAborted(signal), ...(withParent ? [untilParentGone(stdin)] : [])]);
    } finally {
      await agent.close();
    }
  },
});
