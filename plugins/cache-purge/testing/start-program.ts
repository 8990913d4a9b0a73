// Real programs for tests: in the foreground, on a free port of 127.0.0.1, in a directory of their own; ended by their process id.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, type RunningServer, startServer } from 'treecast/plugin/testing';

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
  let server: RunningServer | undefined;

  async function start(): Promise<void> {
    server = await startServer(program, args, { serves: port, killAfterMs: 3_000 });
  }

  async function stop(): Promise<void> {
    await server?.end();
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
