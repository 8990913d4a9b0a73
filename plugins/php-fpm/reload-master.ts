// Reloads PHP-FPM through its master's pid file (SIGUSR2) and sees it through. PHP-FPM writes the file anew when it has ended every old
// worker and read its configuration again: from then on only new workers answer.

import { readFile, stat } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { type Exec, type HookCall, PluginError } from 'treecast/plugin';

export interface MasterOptions {
  readonly pidFile: string;
  /** Judges the configuration first. */
  readonly test: readonly string[] | undefined;
  readonly exec: Exec;
}

const waitMs = 50;

export async function reloadMaster(
  { pidFile, test, exec }: MasterOptions,
  { signal }: Pick<HookCall, 'signal'>,
): Promise<void> {
  const pid = await masterPid(pidFile);
  if (test !== undefined) await testConfiguration(test, exec, signal);
  const before = await writtenAt(pidFile);
  try {
    process.kill(pid, 'SIGUSR2');
  } catch (cause) {
    throw new PluginError(`the master of PHP-FPM (process ${pid}) cannot be signalled (${codeOf(cause)})`, {
      cause,
      fix: 'Run the agent as the user of PHP-FPM’s master, or give it CAP_KILL.',
    });
  }
  while ((await writtenAt(pidFile)) === before) {
    if (!(await isPhpFpm(pid)))
      throw new PluginError(`PHP-FPM ended instead of reloading`, {
        fix: 'Look at its log, correct its configuration, start it; and give `test`, so that a broken one is found before.',
      });
    try {
      await wait(waitMs, undefined, { signal });
    } catch (cause) {
      throw new PluginError('PHP-FPM still waits for running PHP requests to end before it reloads', {
        cause,
        fix: 'Set process_control_timeout below timeouts.afterSwitch.',
      });
    }
  }
}

/** Throws unless the file names a running PHP-FPM: nobody else is to be signalled. */
export async function masterPid(pidFile: string): Promise<number> {
  let text: string;
  try {
    text = (await readFile(pidFile, 'latin1')).slice(0, 100).trim();
  } catch (cause) {
    throw new PluginError(`the pid file ${pidFile} cannot be read (${codeOf(cause)})`, {
      cause,
      fix: 'Start PHP-FPM, or correct `pidFile`: it is `pid` in php-fpm.conf.',
    });
  }
  const pid = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : null;
  if (pid !== null && (await isPhpFpm(pid))) return pid;
  throw new PluginError(`the pid file ${pidFile} names no running PHP-FPM (“${text}”)`, {
    fix: 'Start PHP-FPM, or correct `pidFile`.',
  });
}

async function testConfiguration(test: readonly string[], exec: Exec, signal: AbortSignal): Promise<void> {
  const [program = '', ...args] = test;
  const { code, stdout, stderr } = await exec(program, args, { signal });
  if (code === 0) return;
  throw new PluginError(
    `PHP-FPM was not reloaded, its configuration is broken: ${(stderr.trim() || stdout.trim()).slice(-1500)}`,
    { fix: 'Correct it; the release is live, and this node stays stale until the reload.' },
  );
}

async function isPhpFpm(pid: number): Promise<boolean> {
  return (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).startsWith('php-fpm');
}

/** Changes whenever the file is written anew; null while it is not there. */
async function writtenAt(path: string): Promise<string | null> {
  try {
    const { ino, ctimeNs } = await stat(path, { bigint: true });
    return `${ino} ${ctimeNs}`;
  } catch {
    return null;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
