// One run of the CLI inside this process: arguments in, exit code out. main.ts and the tests call it; it never exits.

import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { createClient } from '../client/client.ts';
import { TreecastError } from '../model/treecast-error.ts';
import type { CliCommand } from './command.ts';
import type { CommandContext } from './command-context.ts';
import { createCommandLine } from './command-line.ts';
import { resolveConnection } from './connection.ts';
import { type Exit, exitCodes, exitOf } from './exit-codes.ts';
import { createOutput, type OutputStream } from './output.ts';
import { parseInput } from './parse-input.ts';
import { untilAborted } from './until-aborted.ts';

export interface RunOptions {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly stdin?: Readable;
  /** Told to stop. */
  readonly signal?: AbortSignal;
  /** Whoever read stdout went away. */
  readonly readerGone?: AbortSignal;
}

const never = new AbortController().signal;

export async function run(argv: readonly string[], options: RunOptions): Promise<number> {
  // Also before the arguments are understood an error has to come out in the form that was asked for.
  const beforeDashes = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
  const output = createOutput({ ...options, isJson: beforeDashes.includes('--json') });
  let exit: Exit = 'ok';
  try {
    const commandLine = createCommandLine(await commandsFor(argv), options, async (command, values) => {
      exit = await runCommand(command, values, options, output);
    });
    await commandLine.parse(argv);
  } catch (error) {
    if (isStopped(options) && !(error instanceof TreecastError)) exit = 'interrupted';
    else {
      output.error(error);
      exit = exitOf(error);
    }
  }
  return exitCodes[exit].code;
}

/** An agent runs for weeks beside a web server: it holds the code of no other command. */
async function commandsFor([first, second]: readonly string[]): Promise<readonly CliCommand[]> {
  if (first === 'agent' && second === 'run') return [(await import('./commands/agent-run.ts')).agentRun];
  return (await import('./commands/command-list.ts')).commands;
}

async function runCommand(
  command: CliCommand,
  values: Readonly<Record<string, unknown>>,
  options: RunOptions,
  output: CommandContext['output'],
): Promise<Exit> {
  // Only where they are the connection's options: `agent join` has a token of its own.
  const { api, token, ...rest } = values;
  const input = parseInput(command, command.kind === 'api' ? rest : values);
  const { stdin = process.stdin, signal = never, readerGone = never, env, cwd = process.cwd() } = options;
  const isService = command.kind === 'service';
  const stop = isService ? signal : AbortSignal.any([signal, readerGone]);
  const connectionOptions = {
    ...(typeof api === 'string' ? { api } : {}),
    ...(typeof token === 'string' ? { token } : {}),
  };
  const connection = () => resolveConnection(connectionOptions, env);
  const running = command.run(input, {
    output,
    env,
    cwd: resolve(cwd),
    signal: stop,
    stdin,
    connection,
    client: async () => createClient(await connection()),
  });
  // A service ends in its own good order; everything else ends at once when it is told to stop.
  const ended = await (isService
    ? running
    : Promise.race([running, untilAborted(stop).then((): Exit => 'interrupted')]));
  return ended ?? 'ok';
}

function isStopped({ signal, readerGone }: RunOptions): boolean {
  return signal?.aborted === true || readerGone?.aborted === true;
}
