// A real server in the foreground, for tests: started, waited for until it serves, told what to do by signals, ended. How it is configured
// and where its files lie is the caller's.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { programPath } from '../host/find-program.ts';
import { until } from './until.ts';

export interface ServerOptions {
  /** What tells that it serves: a port of 127.0.0.1 or a socket's path that accepts connections, or a condition over its output. */
  readonly serves: number | string | ((output: string) => boolean | Promise<boolean>);
  /** Added to the environment of the test. PATH has the sbin directories in any case. */
  readonly env?: NodeJS.ProcessEnv;
  /** What ends it; SIGTERM unless told otherwise. */
  readonly endBy?: NodeJS.Signals;
  /** So long after that it is killed; 5 s unless told otherwise. */
  readonly killAfterMs?: number;
  /** In a process group of its own: for servers that signal their whole group. */
  readonly ownGroup?: boolean;
  /** Told behind its output when it does not start: its log file. */
  readonly log?: () => string;
}

export interface RunningServer {
  readonly pid: number;
  /** The last 20,000 characters of what it wrote. */
  output(): string;
  hasEnded(): boolean;
  /** To this process, not to those it started. */
  signal(signal: NodeJS.Signals): void;
  /** Resolves when it has ended, by SIGKILL when it takes long. A stopped one is continued for it. May be called again. */
  end(): Promise<void>;
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

const startMs = 20_000;
const lastWordsMs = 500;
const outputCharactersMax = 20_000;

/** Throws with what it wrote when it ends, or does not serve within 20 s; then it has ended. `program` is run without a shell. */
export async function startServer(
  program: string,
  args: readonly string[],
  options: ServerOptions,
): Promise<RunningServer> {
  const { serves, env = {}, ownGroup = false, log = () => '' } = options;
  const child: Child = spawn(program, args, {
    env: { ...process.env, ...env, PATH: programPath() },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: ownGroup,
  });
  let output = '';
  let failure: Error | undefined;
  const closed = new Promise<void>((settle) => child.once('close', () => settle()));
  child.once('error', (error) => {
    failure = error;
  });
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => {
      output = (output + text.toString()).slice(-outputCharactersMax);
    });
  const said = (): string => `${program}:\n${output}${log()}`;

  async function isServing(): Promise<boolean> {
    if (failure !== undefined) throw failure;
    if (hasEnded(child)) {
      await Promise.race([closed, pause(lastWordsMs)]);
      throw new Error(`ended (${child.exitCode ?? child.signalCode}) before it served: ${said()}`);
    }
    return typeof serves === 'function' ? serves(output) : accepts(serves);
  }

  try {
    await until(() => `it served: ${said()}`, isServing, startMs);
  } catch (error) {
    await endChild(child, { ...options, endBy: 'SIGKILL' });
    throw error;
  }
  return {
    pid: child.pid as number,
    output: () => output,
    hasEnded: () => hasEnded(child),
    signal: (signal) => void child.kill(signal),
    end: () => endChild(child, options),
  };
}

async function accepts(listening: number | string): Promise<boolean> {
  const socket = typeof listening === 'number' ? connect(listening, '127.0.0.1') : connect(listening);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function endChild(
  child: Child,
  { endBy = 'SIGTERM', killAfterMs = 5_000, ownGroup = false }: ServerOptions,
): Promise<void> {
  if (child.pid !== undefined && !hasEnded(child)) {
    const gone = once(child, 'exit');
    child.kill(endBy);
    child.kill('SIGCONT');
    const late = setTimeout(() => killHard(child, ownGroup), killAfterMs);
    await gone;
    clearTimeout(late);
  }
  // Whom it started may hold them open for a while.
  child.stdout.destroy();
  child.stderr.destroy();
}

function killHard(child: Child, ownGroup: boolean): void {
  if (ownGroup && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  else child.kill('SIGKILL');
}

function hasEnded({ exitCode, signalCode }: Child): boolean {
  return exitCode !== null || signalCode !== null;
}
