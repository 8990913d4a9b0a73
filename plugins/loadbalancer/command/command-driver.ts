// Any balancer that a program can speak to: one call for each server and action, without a shell, success is exit code 0.

import type { z } from 'treecast/plugin';
import { type Exec, PluginError } from 'treecast/plugin';
import type { BalancerDriver } from '../balancer-driver.ts';
import { fillTemplate, type TemplateValues } from '../fill-template.ts';
import { createNamedServerDriver, valuesOf } from '../named-server-driver.ts';
import type { NamedServer } from '../named-servers.ts';
import type { commandKeys } from './command-config.ts';

export type CommandConfig = z.output<z.ZodObject<typeof commandKeys>> & { readonly name: string };
type Command = CommandConfig['commands']['drain'];

export function createCommandDriver(
  { name, servers, commands, timeoutSeconds, weight }: CommandConfig,
  { exec }: { readonly exec: Exec },
): BalancerDriver<NamedServer> {
  async function run(
    command: Command,
    { label }: NamedServer,
    values: TemplateValues,
    signal: AbortSignal,
  ): Promise<string> {
    const [program, ...args] = command;
    const { code, stdout, stderr } = await exec(
      program,
      args.map((argument) => fillTemplate(argument, values)),
      { signal, timeoutMs: timeoutSeconds * 1000 },
    );
    if (code === 0) return stdout.trim();
    const said = (stderr.trim() || stdout.trim()).replace(/[^\x20-\x7e]+/g, ' ').slice(-200);
    throw new PluginError(
      `${values.action} of ${label}: ${program} ended with ${code}${said === '' ? '' : `: ${said}`}`,
      { fix: 'Run the program by hand to see what it lacks.' },
    );
  }

  return createNamedServerDriver({
    name,
    servers,
    weight,
    actions: commands,
    actionWord: 'program',
    send: run,
    async lookAt(server, signal) {
      const { sessions, state } = commands;
      const ask = (command: Command, action: string): Promise<string> =>
        run(command, server, valuesOf(server, { action }), signal);
      const count = sessions === undefined ? null : await ask(sessions, 'sessions');
      if (count !== null && !/^\d{1,12}$/.test(count)) throw noAnswer(sessions, count, 'a number');
      const said = state === undefined ? 'unknown' : await ask(state, 'state');
      if (said !== 'in' && said !== 'draining' && said !== 'out' && said !== 'unknown')
        throw noAnswer(state, said, '`in`, `draining`, `out` or `unknown`');
      return { state: said, sessions: count === null ? null : Number(count) };
    },
  });
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
