// Runs the operator's validators and reloads, and tells what they said. Does not decide when, nor what follows a failure.

import { askUntilSteady, type Exec, type ExecResult, PluginError } from 'treecast/plugin';
import type { Reload, Validator } from './config-file-config.ts';

export interface RunOptions {
  /** Undefined: nothing but the programs' own limits ends them. */
  readonly signal: AbortSignal | undefined;
}

export interface ValidateRun extends RunOptions {
  readonly name: string;
  readonly validator: Validator;
  /** Absolute path of what is judged. */
  readonly file: string;
  /** What the author calls it. */
  readonly called: string;
}

const toldCharactersMax = 2_000;

export async function runValidator(exec: Exec, run: ValidateRun): Promise<void> {
  const { name, validator, file, called, signal } = run;
  const args = validator.args.map((word) => word.replaceAll('{file}', file));
  const result = await exec(validator.program, args, limits(signal, validator.timeoutSeconds));
  if (result.code === 0) return;
  // The copy's path means nothing to an author.
  const said = told(result).replaceAll(file, called);
  throw new PluginError(`${called} is refused by ${name} (exit code ${result.code})${said}`, {
    fix: `Correct ${called} and publish again.`,
    retryable: false,
  });
}

export async function runReload(
  exec: Exec,
  { name, reload, signal }: RunOptions & { readonly name: string; readonly reload: Reload },
): Promise<void> {
  const { program, args, timeoutSeconds, verify } = reload;
  const result = await exec(program, args, limits(signal, timeoutSeconds));
  if (result.code !== 0) throw failure(`the reload ${name} failed`, name, result);
  if (verify === undefined) return;
  const ask = (): Promise<ExecResult> => exec(verify.program, verify.args, limits(signal, timeoutSeconds));
  const answer = await askUntilSteady(ask, { ...verify, signal });
  if (answer.code !== 0) throw failure(`the service does not work after the reload ${name}`, name, answer);
}

function limits(signal: AbortSignal | undefined, seconds: number) {
  return { timeoutMs: seconds * 1000, ...(signal === undefined ? {} : { signal }) };
}

function failure(what: string, name: string, result: ExecResult): PluginError {
  return new PluginError(`${what} (exit code ${result.code})${told(result)}`, {
    fix: `Look at the log of that service on this node, and at \`reloads.${name}\` of the plugin.`,
  });
}

/** The end of what was said: that is where programs give their reason. */
function told({ stdout, stderr }: ExecResult): string {
  const said = `${stderr}\n${stdout}`.trim().slice(-toldCharactersMax);
  return said === '' ? '' : `: ${said}`;
}
