// A real HAProxy in tests: master and worker in the foreground, its configuration in a directory of its own, reloaded and restarted as
// operators do.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, type RunningServer, startServer, until } from 'treecast/plugin/testing';

export interface HaproxyServerLine {
  readonly name: string;
  readonly port: number;
}

export interface HaproxyOptions {
  readonly servers: readonly HaproxyServerLine[];
  /** After each server line: `check inter 100ms`. */
  readonly serverOptions?: string;
  readonly backendLines?: readonly string[];
  readonly level?: 'admin' | 'operator' | 'user';
  /** Also a stats socket on TCP. */
  readonly tcp?: boolean;
}

export interface Haproxy {
  readonly socket: string;
  readonly master: string;
  /** host:port of the stats socket on TCP; empty without one. */
  readonly tcpSocket: string;
  readonly port: number;
  /** The backends are `app` and `static`. */
  ask(command: string): Promise<string>;
  /** SIGUSR2: a new worker with nothing of the old one's state; the old one ends its connections. */
  reload(): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** The worker answers nobody until `thaw`. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  close(): Promise<void>;
}

export async function startHaproxy(options: HaproxyOptions): Promise<Haproxy> {
  const directory = await mkdtemp(join(tmpdir(), 'treecast-haproxy-'));
  const socket = join(directory, 'admin.sock');
  const master = join(directory, 'master.sock');
  const file = join(directory, 'haproxy.cfg');
  const port = await freePort();
  const tcpSocket = options.tcp === true ? `127.0.0.1:${await freePort()}` : '';
  await writeFile(file, configuration(options, { socket, port, tcpSocket }));
  let server: RunningServer | undefined;
  let frozen: number[] = [];

  const workers = async (): Promise<number[]> =>
    [...(await exchange(master, 'show proc\nquit')).matchAll(/^(\d+)\s+worker\b/gm)].map((found) =>
      Number(found[1]),
    );
  const current = async (): Promise<number> =>
    Number(/^Pid: (\d+)/m.exec(await exchange(socket, 'show info').catch(() => ''))?.[1] ?? 0);

  const haproxy: Haproxy = {
    socket,
    master,
    tcpSocket,
    port,
    ask: (command) => exchange(socket, command),
    async start() {
      server = await startServer('haproxy', ['-W', '-S', master, '-f', file], {
        // The master starts itself anew once its worker runs: it answers last.
        serves: async () => (await current()) > 0 && (await workers().catch(() => [])).length > 0,
      });
    },
    async stop() {
      await server?.end();
    },
    async reload() {
      const before = await current();
      server?.signal('SIGUSR2');
      await until('haproxy was reloaded', async () => {
        const now = await current();
        return now > 0 && now !== before;
      });
    },
    async freeze() {
      frozen = await workers();
      for (const pid of frozen) process.kill(pid, 'SIGSTOP');
    },
    thaw() {
      for (const pid of frozen) process.kill(pid, 'SIGCONT');
      frozen = [];
      return Promise.resolve();
    },
    async close() {
      await haproxy.thaw();
      await haproxy.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
  await haproxy.start();
  return haproxy;
}

function configuration(
  { servers, serverOptions = '', backendLines = [], level = 'admin' }: HaproxyOptions,
  { socket, port, tcpSocket }: { socket: string; port: number; tcpSocket: string },
): string {
  const lines = servers.map(
    (server) => `  server ${server.name} 127.0.0.1:${server.port} weight 100 ${serverOptions}`,
  );
  return [
    'global',
    `  stats socket ${socket} mode 600 level ${level} expose-fd listeners`,
    ...(tcpSocket === '' ? [] : [`  stats socket ipv4@${tcpSocket} level ${level}`]),
    '  nbthread 1',
    '  hard-stop-after 20s',
    'defaults',
    '  mode http',
    '  timeout connect 2s',
    '  timeout client 60s',
    '  timeout server 60s',
    '  retries 0',
    'frontend front',
    `  bind 127.0.0.1:${port}`,
    '  default_backend app',
    'backend app',
    ...backendLines.map((line) => `  ${line}`),
    ...lines,
    'backend static',
    ...lines,
    '',
  ].join('\n');
}

/** Closed by HAProxy after one answer; the master's has to be told to. */
function exchange(address: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const connection = connect(address, () => connection.write(`${command}\n`));
    connection.setTimeout(5_000, () => connection.destroy(new Error('no answer')));
    connection.on('data', (piece) => {
      text += piece.toString('utf8');
    });
    connection.on('end', () => resolve(text));
    connection.on('error', reject);
  });
}
