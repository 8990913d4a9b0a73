// One reload of nginx, and the proof that it took effect: `nginx -s reload` succeeds as soon as the signal is sent, also when the
// master then refuses the configuration and goes on with the old one. New workers are the proof, and that the old ones take no more requests.

import { open, stat } from 'node:fs/promises';
import { type Exec, PluginError } from 'treecast/plugin';
import type { Configuration } from './configuration.ts';
import { findRunningMaster, type RunningMaster } from './running-master.ts';

export interface ReloadFacts {
  readonly pidFile: string;
  /** Where nginx says why it refuses; null when that is no file. */
  readonly errorLog: string | null;
}

/** `skipped`: nginx does not run; `unverified`: nobody here can see whether it took effect. */
export type Reloaded = 'reloaded' | 'skipped' | 'unverified';

const pollMs = 20;
const logBytesMax = 65_536;

export async function reloadNginx(
  exec: Exec,
  config: Configuration,
  { pidFile, errorLog }: ReloadFacts,
  signal: AbortSignal,
): Promise<Reloaded> {
  const master = await findRunningMaster(pidFile);
  if (!master && !config.reload) return 'skipped';
  const before = (await master?.workers()) ?? new Set<number>();
  const logged = await sizeOf(errorLog);
  const { program, args } = config.reload ?? {
    program: config.program,
    args: ['-s', 'reload', '-c', config.mainConfiguration],
  };
  const { code, stderr } = await exec(program, args, { signal });
  if (code !== 0)
    throw new PluginError(
      `the reload failed: ${[program, ...args].join(' ')}: ${stderr.trim().slice(0, 2000) || `exit code ${code}`}`,
      { fix: 'Run it by hand and see what nginx wants.' },
    );
  // Without workers (`master_process off`) there is nothing to see.
  if (!master || before.size === 0) return 'unverified';
  if (await workersReplaced(master, before, config.reloadSeconds * 1000, signal)) return 'reloaded';
  const reasons = await errorsSince(errorLog, logged);
  throw new PluginError(
    `the reload did not take effect: nginx started no new workers within ${config.reloadSeconds} s and goes on with its old configuration${reasons === '' ? '' : `: ${reasons}`}`,
    {
      fix: 'Look into nginx’s error log: a port, a certificate or a shared memory zone it cannot have is told only there.',
    },
  );
}

async function workersReplaced(
  master: RunningMaster,
  before: ReadonlySet<number>,
  limitMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const until = performance.now() + limitMs;
  for (;;) {
    signal.throwIfAborted();
    const workers = await master.workers();
    const areNew = workers.size > 0 && [...workers].every((pid) => !before.has(pid));
    if (!areNew && performance.now() > until) return false;
    // Once more also when they are: a worker says that it is shutting down a moment before it closes its sockets.
    await new Promise((resolve) => {
      setTimeout(resolve, pollMs);
    });
    if (areNew) return true;
  }
}

async function sizeOf(path: string | null): Promise<number> {
  try {
    return path === null ? 0 : (await stat(path)).size;
  } catch {
    return 0;
  }
}

async function errorsSince(path: string | null, position: number): Promise<string> {
  if (path === null) return '';
  try {
    const file = await open(path, 'r');
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(logBytesMax), 0, logBytesMax, position);
      const lines = buffer.subarray(0, bytesRead).toString('utf8').split('\n');
      const told = lines.flatMap((line) => /\[(?:emerg|alert|crit)\] [\d#]+: (.*)/.exec(line)?.[1] ?? []);
      return [...new Set(told)].slice(0, 5).join('; ');
    } finally {
      await file.close();
    }
  } catch {
    return '';
  }
}
