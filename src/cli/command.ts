// A CLI command as data: what it is called, what it takes, how its help reads, and what runs.
// command-line.ts wires all of them to commander; nothing else knows commander.

import type { z } from 'zod';
import type { CommandContext } from './command-context.ts';
import type { Exit } from './exit-codes.ts';

export interface CommandArgument {
  /** As help shows it and, in camel case, as the input schema names it: `site`, `file`. */
  readonly name: string;
  readonly summary: string;
  readonly optional?: boolean;
  /** Any number of them, none as well; the last argument alone. The input is a list. */
  readonly repeatable?: boolean;
}

export interface CommandOption {
  /** Commander's notation: `--ref <ref>`, `--wait`. The input schema names it in camel case. */
  readonly flags: string;
  readonly summary: string;
  /** May be given several times; the input is a list. */
  readonly repeatable?: boolean;
}

export interface Example {
  readonly line: string;
  readonly explanation: string;
}

export interface CommandDefinition<Input extends z.ZodType> {
  /** One or two words: `publish`, `site add`. */
  readonly name: string;
  readonly summary: string;
  /** More for --help. */
  readonly details?: string;
  readonly arguments?: readonly CommandArgument[];
  readonly options?: readonly CommandOption[];
  readonly examples: readonly Example[];
  /** `api`: talks to a CCM, takes --api and --token. `service`: runs until told to stop. `local`: neither. */
  readonly kind: 'api' | 'service' | 'local';
  /** The exit codes this command can end with besides usage, bug and those of a failing API. For the docs. */
  readonly exits: readonly Exit[];
  /** What --json prints, for the docs. Resources are those of src/model/api.ts. */
  readonly json: string;
  /** Arguments and options (camel case) to the typed input; all problems are reported together. */
  readonly input: Input;
  /** Resolves to how it ended; nothing means `ok`. Throws TreecastError. */
  run(input: z.output<Input>, context: CommandContext): Promise<Exit | undefined> | Promise<void>;
}

export type CliCommand = CommandDefinition<z.ZodType>;

/** Keeps the input's type inside the command and hides it outside. */
export function defineCommand<Input extends z.ZodType>(definition: CommandDefinition<Input>): CliCommand {
  return definition;
}
