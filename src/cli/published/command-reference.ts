// The part of docs/cli.md that is made from the commands' data: the table of exit codes and one section a command.

import type { CliCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';

export function exitCodeTable(): string {
  const rows = Object.values(exitCodes).map(({ code, meaning }) => `| ${code} | ${meaning} |`);
  return ['| code | meaning |', '|---|---|', ...rows].join('\n');
}

export function commandReference(commands: readonly CliCommand[]): string {
  return commands.map(commandSection).join('\n\n');
}

function commandSection(command: CliCommand): string {
  const words = (command.arguments ?? []).map(({ name, optional, repeatable }) => {
    const word = name.toUpperCase();
    return repeatable ? `[${word}...]` : optional ? `[${word}]` : word;
  });
  const lines = [
    `### \`treecast ${[command.name, ...words].join(' ')}\``,
    '',
    sentence(command.summary),
    ...(command.details === undefined ? [] : [command.details.replaceAll('\n', ' ')]),
  ];
  const parameters = [
    ...(command.arguments ?? []).map(({ name, summary }) => [name.toUpperCase(), summary]),
    ...(command.options ?? []).map(({ flags, summary }) => [flags, summary]),
  ];
  if (parameters.length > 0) {
    lines.push('', '| parameter | meaning |', '|---|---|');
    for (const [name = '', summary = ''] of parameters) {
      lines.push(`| \`${name}\` | ${summary.replaceAll('|', '\\|')} |`);
    }
  }
  lines.push('', '```sh');
  for (const { line, explanation } of command.examples) lines.push(`${line}  # ${explanation}`);
  const exits = command.exits.map((exit) => exitCodes[exit].code).join(', ');
  lines.push('```', '', `JSON: ${command.json}`, '', `Exit codes of its own: ${exits}.`);
  return lines.join('\n');
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
