// `treecast up` as users run it: the launcher, a directory, one ready line; and what a test wants to know about it.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface UpReadyLine {
  readonly ready: true;
  readonly api: string;
  readonly git: string;
  readonly token: string;
  readonly site: string;
  readonly branch: string;
  readonly nodes: readonly { readonly name: string; readonly url: string }[];
}

export interface UpProcess {
  readonly ready: UpReadyLine;
  readonly pid: number;
  /** Everything on standard output so far. */
  readonly lines: readonly string[];
  /** Process ids of its agents, by name of the node. */
  agentPids(): Map<string, number>;
  /** Resolves with exit code or signal. */
  end(signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): Promise<number | string>;
}

export const launcher = fileURLToPath(new URL('../../bin/treecast', import.meta.url));

/** Throws when it ends before it is ready. */
export async function startUpProcess(
  directory: string,
  env: NodeJS.ProcessEnv,
  options: readonly string[] = [],
): Promise<UpProcess> {
  const child = spawn(launcher, ['up', '--json', '--dir', directory, ...options], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  const exited = once(child, 'exit');
  const first = new Promise<string>((settle, refuse) => {
    reader.on('line', (line) => {
      lines.push(line);
      settle(line);
    });
    child.once('exit', (code, signal) =>
      refuse(new Error(`up ended before it was ready: ${signal ?? code}`)),
    );
  });
  const ready = JSON.parse(await first) as UpReadyLine;
  return {
    ready,
    pid: child.pid as number,
    lines,
    agentPids: () =>
      new Map(
        ready.nodes.flatMap(({ name }) => {
          const pid = pidWithArgument(join(directory, 'agents', name));
          return pid === undefined ? [] : [[name, pid] as const];
        }),
      ),
    async end(signal) {
      if (isRunning(child)) child.kill(signal);
      const [code, endedBy] = (await exited) as [number | null, string | null];
      return endedBy ?? (code as number);
    },
  };
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

/** The process that has this very argument on its command line. */
function pidWithArgument(argument: string): number | undefined {
  const pid = readdirSync('/proc').find((name) => /^\d+$/.test(name) && commandLine(name).includes(argument));
  return pid === undefined ? undefined : Number(pid);
}

function commandLine(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
