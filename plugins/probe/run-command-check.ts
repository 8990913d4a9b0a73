// One attempt of a command check: its exit code says whether all is well, its output why not.

import { type Exec, PluginError, quoted } from 'treecast/plugin';
import type { Mismatch } from './mismatch.ts';
import type { CommandCheck } from './probe-config.ts';
import { filledIn } from './text-pattern.ts';

export async function runCommandCheck(
  { program, args, exitCodes }: CommandCheck,
  values: Readonly<Record<string, string>>,
  { exec, ...limits }: { readonly exec: Exec; readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<Mismatch | undefined> {
  const expected = `exit code ${exitCodes.join(' or ')}`;
  try {
    const { code, stdout, stderr } = await exec(
      program,
      args.map((arg) => filledIn(arg, values)),
      limits,
    );
    if (exitCodes.includes(code)) return undefined;
    return { expected, came: `${code}${quoted(stderr.trim() === '' ? stdout : stderr)}` };
  } catch (error) {
    if (error instanceof PluginError) return { expected, came: error.message };
    throw error;
  }
}
