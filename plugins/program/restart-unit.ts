// Restarts a unit and looks whether it runs then. Throws what the programs said; does not decide what follows.

import { askUntilSteady, type Exec, type ExecOptions, type ExecResult, PluginError } from 'treecast/plugin';
import type { ProgramConfig } from './program-config.ts';

const toldCharactersMax = 1_000;

export async function restartUnit(
  exec: Exec,
  { restart, verify }: ProgramConfig,
  unit: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const fill = (args: readonly string[]): string[] => args.map((arg) => arg.replaceAll('{unit}', unit));
  const options: ExecOptions = signal === undefined ? {} : { signal };
  const restarted = await exec(restart.program, fill(restart.args), {
    ...options,
    timeoutMs: restart.timeoutSeconds * 1000,
  });
  if (restarted.code !== 0) throw failure(unit, `restarting ${unit} failed`, restarted);

  const ask = (): Promise<ExecResult> => exec(verify.program, fill(verify.args), options);
  const answer = await askUntilSteady(ask, { ...verify, signal });
  if (answer.code !== 0) throw failure(unit, `${unit} does not run after its restart`, answer);
}

function failure(unit: string, what: string, { code, stdout, stderr }: ExecResult): PluginError {
  const said = `${stderr}\n${stdout}`.trim().slice(-toldCharactersMax);
  return new PluginError(`${what} (exit code ${code}${said === '' ? '' : `: ${said}`})`, {
    fix: `Look at the log of ${unit} on this node.`,
  });
}
