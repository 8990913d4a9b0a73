// A real nginx in the foreground, in a directory of its own and on a socket in it; and requests to it, each on a connection of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setInterval } from 'node:timers/promises';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface RealNginx {
  readonly prefix: string;
  readonly mainConfiguration: string;
  readonly includeDirectory: string;
  readonly pidFile: string;
  readonly socket: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  get(path: string, headers?: Record<string, string>, socket?: string): Promise<Answer>;
  /** Grows by one with every reload that the master accepted. */
  reloads(): number;
  close(): Promise<void>;
}

export interface NginxText {
  /** Inside `http`. */
  readonly http?: string;
  /** Inside `server`, beside the include. */
  readonly server?: string;
  /** Instead of the server block. */
  readonly instead?: string;
  readonly main?: string;
}

const started = 'start worker processes';

/** Not started yet. `PREFIX` in the text is its directory. */
export function createRealNginx(text: NginxText = {}): RealNginx {
  const prefix = mkdtempSync(join(tmpdir(), 'treecast-nginx-'));
  const [mainConfiguration, pidFile, socket] = ['nginx.conf', 'nginx.pid', 'http.sock'].map((name) =>
    join(prefix, name),
  ) as [string, string, string];
  const includeDirectory = join(prefix, 'treecast');
  const errorLog = join(prefix, 'error.log');
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${prefix}/${name};`,
  );
  const server =
    text.instead ??
    `server { listen unix:${socket}; server_name docs.test; include ${includeDirectory}/docs.con[f]; ${text.server ?? ''} }`;
  writeFileSync(
    mainConfiguration,
    `${user} worker_processes 2; pid ${pidFile}; error_log ${errorLog} notice; ${text.main ?? ''}
events { worker_connections 256; }
http {
  types { text/html html; text/css css; application/javascript js; image/svg+xml svg; }
  access_log off; ${temporary.join(' ')} ${text.http ?? ''}
  ${server}
}
`,
  );
  const whole = readFileSync(mainConfiguration, 'latin1').replaceAll('PREFIX', prefix);
  writeFileSync(mainConfiguration, whole, 'latin1');
  let child: ChildProcess | null = null;
  const log = (): string => {
    try {
      return readFileSync(errorLog, 'utf8');
    } catch {
      return '';
    }
  };

  const nginx: RealNginx = {
    prefix,
    mainConfiguration,
    includeDirectory,
    pidFile,
    socket,
    start: async () => {
      rmSync(socket, { force: true });
      const process = spawn('nginx', ['-p', prefix, '-c', mainConfiguration, '-g', 'daemon off;'], {
        stdio: 'ignore',
        env: { ...globalThis.process.env, PATH: `${globalThis.process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
      });
      child = process;
      let ended = false;
      process.once('exit', () => {
        ended = true;
      });
      await until(async () => {
        if (ended) throw new Error(`nginx ended: ${log()}`);
        return nginx.get('/').then(
          () => true,
          () => false,
        );
      });
    },
    stop: async () => {
      const process = child;
      if (!process) return;
      child = null;
      const exited = new Promise((resolve) => process.once('exit', resolve));
      if (process.exitCode !== null || process.signalCode !== null || !process.kill('SIGTERM')) return;
      await exited;
    },
    get: (path, headers = {}, at = socket) =>
      new Promise((resolve, reject) => {
        const asked = request(
          {
            socketPath: at,
            path,
            agent: false,
            headers: { host: 'docs.test', connection: 'close', ...headers },
          },
          (response) => {
            const pieces: Buffer[] = [];
            response.on('data', (piece: Buffer) => pieces.push(piece));
            response.on('end', () =>
              resolve({
                status: response.statusCode ?? 0,
                headers: response.headers,
                body: Buffer.concat(pieces).toString('latin1'),
              }),
            );
            response.on('error', reject);
          },
        );
        asked.on('error', reject);
        asked.end();
      }),
    // The first is the start.
    reloads: () =>
      log()
        .split('\n')
        .filter((line) => line.endsWith(started)).length - 1,
    close: async () => {
      await nginx.stop();
      rmSync(prefix, { recursive: true, force: true });
    },
  };
  return nginx;
}

/** Waits for a condition, at most 15 s. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const limit = performance.now() + 15_000;
  if (await condition()) return;
  for await (const _ of setInterval(15)) {
    if (await condition()) return;
    if (performance.now() > limit) throw new Error(`it never came to be: ${condition.toString()}`);
  }
}
