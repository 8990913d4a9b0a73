// A real nginx in the foreground, in a directory of its own and on a socket in it; and requests to it, each on a connection of its own.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askHttp, type HttpAnswer, type RunningServer, startServer } from 'treecast/plugin/testing';

export interface RealNginx {
  readonly prefix: string;
  readonly mainConfiguration: string;
  readonly includeDirectory: string;
  readonly pidFile: string;
  readonly socket: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  get(path: string, headers?: Record<string, string>, socket?: string): Promise<HttpAnswer>;
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
  const serverBlock =
    text.instead ??
    `server { listen unix:${socket}; server_name docs.test; include ${includeDirectory}/docs.con[f]; ${text.server ?? ''} }`;
  writeFileSync(
    mainConfiguration,
    `${user} worker_processes 2; pid ${pidFile}; error_log ${errorLog} notice; ${text.main ?? ''}
events { worker_connections 256; }
http {
  types { text/html html; text/css css; application/javascript js; image/svg+xml svg; }
  access_log off; ${temporary.join(' ')} ${text.http ?? ''}
  ${serverBlock}
}
`,
  );
  const whole = readFileSync(mainConfiguration, 'latin1').replaceAll('PREFIX', prefix);
  writeFileSync(mainConfiguration, whole, 'latin1');
  let server: RunningServer | undefined;
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
      server = await startServer('nginx', ['-p', prefix, '-c', mainConfiguration, '-g', 'daemon off;'], {
        serves: () =>
          nginx.get('/').then(
            () => true,
            () => false,
          ),
        log,
      });
    },
    stop: async () => server?.end(),
    get: (path, headers = {}, at = socket) =>
      askHttp(at, path, { headers: { host: 'docs.test', ...headers }, encoding: 'latin1' }),
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
