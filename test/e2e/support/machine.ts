// One program of a fleet as a process of its own: started, ended and started again over the same directory.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { launcher } from '../up-process.ts';

export interface Machine {
  readonly directory: string;
  readonly pid: number | undefined;
  /** What it wrote on standard error since it was last started: JSON lines. */
  log(): string;
  /** Resolves when it is ready. */
  start(env?: NodeJS.ProcessEnv): Promise<void>;
  /** Resolves when it has ended, however. */
  ended(): Promise<void>;
  end(signal?: NodeJS.Signals): Promise<void>;
}

export function createMachine(
  args: readonly string[],
  directory: string,
  env: Readonly<NodeJS.ProcessEnv>,
): Machine {
  let child: ChildProcess | undefined;
  let log = '';
  let exited: Promise<unknown> = Promise.resolve();
  return {
    directory,
    get pid() {
      return child?.pid;
    },
    log: () => log,
    async start(more = {}) {
      const started = spawn(launcher, [...args, '--json'], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...env, ...more },
      });
      child = started;
      log = '';
      exited = once(started, 'exit');
      started.stderr.setEncoding('utf8').on('data', (text: string) => {
        log += text;
      });
      const ready = once(createInterface({ input: started.stdout }), 'line') as Promise<[string]>;
      const [line] = (await Promise.race([ready, exited.then(() => undefined)])) ?? [];
      if (line === undefined || (JSON.parse(line) as { ready?: boolean }).ready !== true)
        throw new Error(`${args.join(' ')} is not ready: ${line ?? 'it ended'} ${log}`);
    },
    async ended() {
      await exited;
    },
    async end(signal = 'SIGTERM') {
      if (child?.exitCode === null && child.signalCode === null) child.kill(signal);
      await exited;
    },
  };
}
