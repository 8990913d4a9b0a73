// A real PHP-FPM in the foreground, for this plugin's tests: one pool on a Unix socket in a directory of its own, with OPcache as told.

import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningServer, startServer } from 'treecast/plugin/testing';
import { askFastCgi } from './fast-cgi.ts';

export const phpFpmProgram = 'php-fpm8.2';

export interface FpmOptions {
  /** Lines of the pool, such as `php_admin_value[realpath_cache_ttl] = 0`. */
  readonly pool?: readonly string[];
  /** Settings of PHP, as `name=value`. */
  readonly settings?: readonly string[];
  readonly workers?: number;
  /** Default: who runs the test. */
  readonly user?: string;
}

export interface Fpm {
  readonly directory: string;
  readonly socket: string;
  readonly pidFile: string;
  readonly configFile: string;
  /** What the pool answers for a script, asked as web servers do. */
  get(script: string): Promise<string>;
  start(): Promise<void>;
  /** Ends it; `start` begins it anew. */
  stop(): Promise<void>;
  /** Stops or continues the master and its workers. */
  signalAll(signal: 'SIGSTOP' | 'SIGCONT'): void;
  remove(): Promise<void>;
}

export async function startFpm({
  pool = [],
  settings = [],
  workers = 3,
  user,
}: FpmOptions = {}): Promise<Fpm> {
  const directory = await mkdtemp(join(tmpdir(), 'treecast-fpm-'));
  await chmod(directory, 0o755);
  const [socket, pidFile, configFile] = ['pool.sock', 'fpm.pid', 'fpm.conf'].map((name) =>
    join(directory, name),
  ) as [string, string, string];
  const owner = user ?? (process.getuid?.() === 0 ? 'root' : undefined);
  await writeFile(
    configFile,
    [
      '[global]',
      `pid = ${pidFile}`,
      `error_log = ${join(directory, 'fpm.log')}`,
      '[www]',
      ...(owner === undefined
        ? []
        : [`user = ${owner}`, `group = ${owner === 'nobody' ? 'nogroup' : owner}`]),
      `listen = ${socket}`,
      'pm = static',
      `pm.max_children = ${workers}`,
      ...pool,
      '',
    ].join('\n'),
  );
  let server: RunningServer | undefined;

  const get = async (script: string): Promise<string> => {
    const { body } = await askFastCgi(
      { path: socket },
      {
        GATEWAY_INTERFACE: 'CGI/1.1',
        SERVER_PROTOCOL: 'HTTP/1.1',
        REQUEST_METHOD: 'GET',
        REQUEST_URI: '/',
        SCRIPT_NAME: '/index.php',
        SCRIPT_FILENAME: script,
      },
      { signal: AbortSignal.timeout(20_000), timeoutMs: 20_000 },
    );
    return body;
  };

  async function start(): Promise<void> {
    const extension = ['-n', '-d', 'zend_extension=opcache', '-d', 'opcache.enable=1'];
    const args = [
      ...extension,
      ...settings.flatMap((setting) => ['-d', setting]),
      ...(owner === 'root' ? ['-R'] : []),
      ...['-F', '-O', '-y', configFile],
    ];
    server = await startServer(phpFpmProgram, args, {
      serves: (output) => output.includes('ready to handle connections'),
      endBy: 'SIGINT',
    });
  }

  async function stop(): Promise<void> {
    await server?.end();
  }

  function signalAll(signal: 'SIGSTOP' | 'SIGCONT'): void {
    if (server === undefined || server.hasEnded()) return;
    const found = childrenOf(server.pid);
    for (const pid of [server.pid, ...found]) process.kill(pid, signal);
  }

  try {
    await start();
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
  return {
    directory,
    socket,
    pidFile,
    configFile,
    get,
    start,
    stop,
    signalAll,
    async remove() {
      signalAll('SIGCONT');
      await stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);
}
