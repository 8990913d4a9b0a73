// Real programs for tests: in the foreground, on a free port of 127.0.0.1, in a directory of their own; ended by their process id.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export interface RunningProgram {
  readonly port: number;
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string;
  readonly directory: string;
  /** Everything it holds is gone; it can be started again on the same port. */
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

const readyMs = 20_000;
const pollMs = 20;

/** `prepare` writes what the program needs into the directory, and answers how it is called. */
export async function startProgram(
  prepare: (facts: {
    readonly directory: string;
    readonly port: number;
  }) => Promise<{ readonly program: string; readonly args: readonly string[] }>,
): Promise<RunningProgram> {
  const directory = await mkdtemp(join(tmpdir(), 'treecast-cache-'));
  const port = await freePort();
  const { program, args } = await prepare({ directory, port });
  let child: ChildProcess | undefined;
  let output = '';

  async function start(): Promise<void> {
    output = '';
    const started = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
    });
    child = started;
    const keep = (piece: Buffer): void => {
      output = (output + piece.toString()).slice(-20_000);
    };
    started.stdout.on('data', keep);
    started.stderr.on('data', keep);
    await waitFor(`${program} on port ${port}`, async () => {
      if (started.exitCode !== null) throw new Error(`${program} ended (${started.exitCode}): ${output}`);
      return accepts(port);
    });
  }

  async function stop(): Promise<void> {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const ended = once(running, 'exit');
    running.kill('SIGTERM');
    const late = setTimeout(() => running.kill('SIGKILL'), 3_000);
    await ended;
    clearTimeout(late);
  }

  await start();
  return {
    port,
    endpoint: `http://127.0.0.1:${port}`,
    directory,
    start,
    stop,
    async close() {
      await stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export async function waitFor(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const untilMs = Date.now() + readyMs;
  while (!(await condition())) {
    if (Date.now() > untilMs) throw new Error(`waited ${readyMs / 1000} s for ${what}`);
    await pause(pollMs);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
