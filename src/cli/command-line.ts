// Wires commands (data) to commander: groups, help with examples, suggestions. The only module that knows commander.

import { Command, CommanderError, Option } from 'commander';
import { TreecastError } from '../model/treecast-error.ts';
import type { CliCommand } from './command.ts';
import { groupSummaries } from './commands/group-summaries.ts';
import type { OutputStream } from './output.ts';
import { packageVersion } from './package-version.ts';
import { camelCase } from './parse-input.ts';
import { wantsColor } from './style.ts';

export interface CommandLine {
  /** Runs what `argv` asks for. Throws INVALID_INPUT when it makes no sense; help and version just print. */
  parse(argv: readonly string[]): Promise<void>;
}

type Invoke = (command: CliCommand, values: Readonly<Record<string, unknown>>) => Promise<void>;

interface Streams {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: NodeJS.ProcessEnv;
}

export function createCommandLine(
  commands: readonly CliCommand[],
  streams: Streams,
  invoke: Invoke,
): CommandLine {
  const program = new Command('treecast');
  settle(program, streams)
    .description('Publish a Git tree to every web server: all of it, at once, provably.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .addHelpText('after', '\nStart here: `treecast up` runs a CCM and three agents on this machine.');
  const groups = new Map<string, Command>();
  for (const command of commands) {
    const [first, second] = command.name.split(' ') as [string, string?];
    if (second === undefined) {
      program.addCommand(commandOf(command, first, streams, invoke));
      continue;
    }
    let group = groups.get(first);
    if (group === undefined) {
      group = settle(new Command(first), streams).description(groupSummaries[first] ?? '');
      groups.set(first, group);
      program.addCommand(group);
    }
    group.addCommand(commandOf(command, second, streams, invoke));
  }
  return { parse: (argv) => parse(program, argv) };
}

function commandOf(command: CliCommand, name: string, streams: Streams, invoke: Invoke): Command {
  const wired = settle(new Command(name), streams).summary(command.summary);
  wired.description(
    command.details === undefined ? command.summary : `${command.summary}\n\n${command.details}`,
  );
  for (const argument of command.arguments ?? []) {
    const { name: word, optional = false, repeatable = false } = argument;
    const shown = repeatable ? `[${word}...]` : optional ? `[${word}]` : `<${word}>`;
    wired.argument(shown, argument.summary);
  }
  for (const option of command.options ?? []) {
    const wiredOption = new Option(option.flags, option.summary);
    if (option.repeatable) {
      wiredOption.argParser((value: string, all: string[] | undefined) => [...(all ?? []), value]);
    }
    wired.addOption(wiredOption);
  }
  if (command.kind === 'api') {
    wired.option('--api <url>', 'the CCM (default: TREECAST_API, else the context file)');
    wired.option('--token <token>', 'an API token (default: TREECAST_TOKEN, else the context file)');
  }
  wired.option('--json', 'print JSON and nothing else on standard output');
  const examples = command.examples.map(({ line, explanation }) => `  $ ${line}\n      ${explanation}`);
  wired.addHelpText('after', `\nExamples:\n${examples.join('\n')}`);
  return wired.action(async () => {
    const values: Record<string, unknown> = { ...wired.opts() };
    delete values['json'];
    command.arguments?.forEach(({ name: argument }, index) => {
      const value: unknown = wired.processedArgs[index];
      if (value !== undefined) values[camelCase(argument)] = value;
    });
    await invoke(command, values);
  });
}

function settle(command: Command, { stdout, stderr, env }: Streams): Command {
  return command
    .helpCommand(false)
    .helpOption('-h, --help', 'show this help')
    .showSuggestionAfterError(true)
    .configureHelp({ sortSubcommands: false })
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      outputError: () => undefined,
      getOutHelpWidth: () => stdout.columns || 100,
      getErrHelpWidth: () => stderr.columns || 100,
      getOutHasColors: () => wantsColor(stdout.isTTY === true, env),
      getErrHasColors: () => wantsColor(stderr.isTTY === true, env),
    })
    .exitOverride();
}

async function parse(program: Command, argv: readonly string[]): Promise<void> {
  if (argv.length === 0) {
    program.outputHelp();
    return;
  }
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return;
    const isGroupAlone = error.code === 'commander.help';
    const [what = '', ...suggestion] = error.message.replace(/^error: /, '').split('\n');
    throw new TreecastError('INVALID_INPUT', isGroupAlone ? 'A command is missing.' : `${capital(what)}.`, {
      cause: error,
      fix: suggestion.join(' ').replace(/^\((.*)\)$/, '$1') || 'See the help: add --help.',
    });
  }
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
