// One agent of `up` as a child process: started, started again when it dies, stopped with its parent.
// Its standard input is a pipe from here: when this process ends, however it ends, the pipe closes and the agent stops.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface AgentChild {
  /** SIGTERM, and SIGKILL when it is not gone after `graceMs`. Resolves when it is gone; it is not started again. */
  stop(graceMs: number): Promise<void>;
}

export interface AgentChildOptions {
  /** The agent's state directory; on the command line, so that people find the process by it. */
  readonly directory: string;
  readonly logPath: string;
  readonly env: NodeJS.ProcessEnv;
  /** Called before each start after a death, for example to move it to another port. When it rejects it is tried again later. */
  beforeRestart(): Promise<void>;
  onExit(what: string): void;
}

const firstRetryDelayMs = 100;
const retryDelayMsMax = 5000;
/** An agent that lived this long starts again without delay growing on. */
const steadyMs = 10_000;

export function startAgentChild(options: AgentChildOptions): AgentChild {
  let child: ChildProcess | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isStopping = false;
  let retryDelayMs = firstRetryDelayMs;

  /** Without a free file descriptor, say, there is one a little later. */
  function start(): void {
    if (isStopping) return;
    try {
      watch(spawnAgent(options));
    } catch (error) {
      couldNotStart(error);
    }
  }

  function couldNotStart(error: unknown): void {
    if (isStopping) return;
    options.onExit(`it could not be started: ${String(error)}`);
    scheduleRestart();
  }

  function watch(started: ChildProcess): void {
    const startedAt = performance.now();
    child = started;
    let hasEnded = false;
    const ended = (what: string): void => {
      if (hasEnded) return;
      hasEnded = true;
      if (isStopping) return;
      options.onExit(what);
      if (performance.now() - startedAt > steadyMs) retryDelayMs = firstRetryDelayMs;
      scheduleRestart();
    };
    started.on('error', (error) => ended(error.message));
    started.on('exit', (code, signal) => ended(signal ?? `exit code ${code}`));
  }

  function scheduleRestart(): void {
    timer = setTimeout(() => void restart(), retryDelayMs);
    retryDelayMs = Math.min(retryDelayMs * 2, retryDelayMsMax);
  }

  async function restart(): Promise<void> {
    try {
      await options.beforeRestart();
    } catch (error) {
      couldNotStart(error);
      return;
    }
    start();
  }

  start();
  return {
    async stop(graceMs) {
      isStopping = true;
      clearTimeout(timer);
      if (child === undefined || child.pid === undefined) return;
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      child.stdin?.end();
      const kill = setTimeout(() => child?.kill('SIGKILL'), graceMs);
      await gone;
      clearTimeout(kill);
    },
  };
}

const mainPath = fileURLToPath(
  new URL(`../main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
);

function spawnAgent({ directory, logPath, env }: AgentChildOptions): ChildProcess {
  const log = openSync(logPath, 'a', 0o600);
  try {
    const flags = ['--disable-warning=ExperimentalWarning', mainPath];
    const child = spawn(process.execPath, [...flags, 'agent', 'run', '--dir', directory, '--with-parent'], {
      stdio: ['pipe', log, log],
      env,
    });
    // The agent may be gone before its input is closed.
    child.stdin?.on('error', () => undefined);
    return child;
  } finally {
    closeSync(log);
  }
}
