// Any balancer that a program can speak to: one call for each server and action, without a shell, success is exit code 0.

import type { z } from 'treecast/plugin';
import { type Exec, PluginError } from 'treecast/plugin';
import type { BalancerDriver, ServerLook } from '../balancer-driver.ts';
import { fillTemplate, type TemplateValues } from '../fill-template.ts';
import { type NamedServer, namedServers } from '../named-servers.ts';
import type { commandKeys } from './command-config.ts';

export type CommandConfig = z.output<z.ZodObject<typeof commandKeys>> & { readonly name: string };
type Command = CommandConfig['commands']['drain'];

export function createCommandDriver(
  { name, servers: map, commands, timeoutSeconds, weight }: CommandConfig,
  { exec }: { readonly exec: Exec },
): BalancerDriver<NamedServer> {
  async function run(
    command: Command,
    { node, server, label }: NamedServer,
    rest: Pick<TemplateValues, 'action'> & Partial<TemplateValues>,
    signal: AbortSignal,
  ): Promise<string> {
    const values = { weight: '', percent: '', ...rest, node, server };
    const [program, ...args] = command;
    const { code, stdout, stderr } = await exec(
      program,
      args.map((argument) => fillTemplate(argument, values)),
      { signal, timeoutMs: timeoutSeconds * 1000 },
    );
    if (code === 0) return stdout.trim();
    const said = (stderr.trim() || stdout.trim()).replace(/[^\x20-\x7e]+/g, ' ').slice(-200);
    throw new PluginError(
      `${rest.action} of ${label}: ${program} ended with ${code}${said === '' ? '' : `: ${said}`}`,
      {
        fix: 'Run the program by hand to see what it lacks.',
      },
    );
  }

  async function each(
    servers: readonly NamedServer[],
    command: Command,
    rest: Pick<TemplateValues, 'action'> & Partial<TemplateValues>,
    signal: AbortSignal,
  ): Promise<void> {
    for (const server of servers) await run(command, server, rest, signal);
  }

  async function lookAt(server: NamedServer, signal: AbortSignal): Promise<ServerLook<NamedServer>> {
    const { sessions, state } = commands;
    const count = sessions === undefined ? null : await run(sessions, server, { action: 'sessions' }, signal);
    if (count !== null && !/^\d{1,12}$/.test(count)) throw noAnswer(sessions, count, 'a number');
    const said = state === undefined ? 'unknown' : await run(state, server, { action: 'state' }, signal);
    if (said !== 'in' && said !== 'draining' && said !== 'out' && said !== 'unknown')
      throw noAnswer(state, said, '`in`, `draining`, `out` or `unknown`');
    return {
      server,
      state: said,
      sessions: count === null ? null : Number(count),
      weight: null,
      trouble: null,
    };
  }

  return {
    name,
    find: (nodes) => Promise.resolve(namedServers(nodes, map)),
    look: (servers, signal) => Promise.all(servers.map((server) => lookAt(server, signal))),
    takeOut: (servers, signal) => each(servers, commands.drain, { action: 'drain' }, signal),
    putBack: (servers, signal) => each(servers, commands.restore, { action: 'restore' }, signal),
    async force(servers, signal) {
      if (commands.force !== undefined) await each(servers, commands.force, { action: 'force' }, signal);
    },
    async weigh(servers, share, signal) {
      if (commands.weigh === undefined) return `${name} has no program for weights`;
      const rest = {
        action: 'weigh',
        weight: String(Math.round(weight * share)),
        percent: String(Math.round(share * 100)),
      };
      await each(servers, commands.weigh, rest, signal);
      return undefined;
    },
    validate: () => Promise.resolve(),
  };
}

function noAnswer(command: Command | undefined, said: string, wanted: string): PluginError {
  return new PluginError(
    `${command?.[0] ?? 'the program'} printed ${JSON.stringify(said.slice(0, 80))} instead of ${wanted}`,
    {
      fix: 'Let it print that and nothing else.',
      retryable: false,
    },
  );
}
