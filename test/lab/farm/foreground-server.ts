// A real server in the foreground: started, waited for until it accepts connections, told what to do by signals, ended.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';

export interface ForegroundServer {
  readonly pid: number;
  /** The last lines it wrote. */
  output(): string;
  signal(signal: NodeJS.Signals): void;
  end(signal?: NodeJS.Signals): Promise<void>;
}

const startMs = 15_000;
const endMs = 5_000;
const sbin = ':/usr/local/sbin:/usr/sbin:/sbin';
const outputCharactersMax = 20_000;

/** Throws with what it wrote when it ends, or does not listen in time. */
export async function startServer(
  program: string,
  args: readonly string[],
  listening: number | string,
  env: NodeJS.ProcessEnv = {},
): Promise<ForegroundServer> {
  const child = spawn(program, args, {
    env: { ...process.env, ...env, PATH: `${process.env['PATH'] ?? ''}${sbin}` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const add = (text: Buffer): void => {
    output = (output + text.toString()).slice(-outputCharactersMax);
  };
  child.stdout.on('data', add);
  child.stderr.on('data', add);
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(new Error(`${program} ended (${code}) before it listened:\n${output}`)),
    );
  });
  failed.catch(() => undefined);
  await Promise.race([failed, untilListening(listening, () => `${program} does not listen:\n${output}`)]);
  return {
    pid: child.pid as number,
    output: () => output,
    signal: (signal) => void child.kill(signal),
    end: (signal = 'SIGTERM') => endChild(child, signal),
  };
}

/** A port of 127.0.0.1, or a socket's path. */
export async function untilListening(listening: number | string, problem: () => string): Promise<void> {
  const until = Date.now() + startMs;
  while (!(await accepts(listening))) {
    if (Date.now() > until) throw new Error(problem());
    await nextTurn();
  }
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

async function endChild(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), endMs);
  await gone;
  clearTimeout(timer);
}
