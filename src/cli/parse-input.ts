// Arguments and options of one command line, checked against the command's schema; all problems in one error.

import type { z } from 'zod';
import { TreecastError } from '../model/treecast-error.ts';
import type { CliCommand } from './command.ts';

export function parseInput(command: CliCommand, values: Readonly<Record<string, unknown>>): unknown {
  const parsed = command.input.safeParse(values);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => ({
    parameter: parameterName(command, String(issue.path[0] ?? '')),
    message: isMissing(issue, values) ? 'is missing' : sentence(issue, values),
    missing: isMissing(issue, values),
  }));
  throw new TreecastError(
    'INVALID_INPUT',
    problems
      .map(({ parameter, message, missing }) =>
        missing ? `Missing required option ${parameter}` : `${parameter}: ${message}`,
      )
      .join('\n'),
    {
      fix: `See \`treecast ${command.name} --help\`.`,
      data: { problems: problems.map(({ parameter, message }) => ({ parameter, message })) },
    },
  );
}

/** `deleteShareMax` → `--delete-share-max`; an argument → `SITE`. */
function parameterName(command: CliCommand, key: string): string {
  const argument = command.arguments?.find(({ name }) => camelCase(name) === key);
  if (argument) return argument.name.toUpperCase();
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

export function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Commander itself reports missing arguments. */
function isMissing(issue: z.core.$ZodIssue, values: Readonly<Record<string, unknown>>): boolean {
  return issue.path.length === 1 && values[String(issue.path[0])] === undefined;
}

function sentence(issue: z.core.$ZodIssue, values: Readonly<Record<string, unknown>>): string {
  const [key = '', index] = issue.path;
  const option = values[String(key)];
  const value: unknown = Array.isArray(option) ? option[Number(index)] : option;
  const given = typeof value === 'string' ? `\`${value}\`` : '';
  if (issue.code === 'invalid_value') return `${given} is not one of ${issue.values.join(', ')}`.trim();
  return `${given} ${issue.message.charAt(0).toLowerCase()}${issue.message.slice(1)}`.trim();
}
