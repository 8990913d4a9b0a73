// A real Apache in the foreground, in a directory of its own and on a free port; and requests to it, each on a connection of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setInterval } from 'node:timers/promises';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface RealApache {
  readonly root: string;
  readonly port: number;
  readonly mainConfiguration: string;
  readonly includeDirectory: string;
  readonly errorLog: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  /** Grows by one with every configuration taken over after the first. */
  reloads(): number;
  close(): Promise<void>;
}

export interface ApacheText {
  /** At the end of the main configuration; `PORT` and `ROOT` stand for this server's. */
  readonly main?: string | Uint8Array;
  readonly modules?: readonly string[];
}

export const apacheProgram = 'apache2';
const modulesDirectory = '/usr/lib/apache2/modules';
const modulesDefault = [
  'mpm_event',
  'authz_core',
  'authz_host',
  'dir',
  'mime',
  'rewrite',
  'headers',
  'alias',
  'env',
  'setenvif',
];
const started = 'configured -- resuming normal operations';

/** Not started yet. */
export async function createRealApache({
  main = '',
  modules = modulesDefault,
}: ApacheText = {}): Promise<RealApache> {
  const root = mkdtempSync(join(tmpdir(), 'treecast-apache-'));
  chmodSync(root, 0o755);
  const port = await freePort();
  const [mainConfiguration, includeDirectory, errorLog] = ['httpd.conf', 'treecast', 'error.log'].map(
    (name) => join(root, name),
  ) as [string, string, string];
  mkdirSync(includeDirectory);
  const own = [
    'ServerName localhost',
    `ServerRoot ${root}`,
    `Listen 127.0.0.1:${port}`,
    `PidFile ${join(root, 'httpd.pid')}`,
    `DefaultRuntimeDir ${root}`,
    `ErrorLog ${errorLog}`,
    ...modules.map((name) => `LoadModule ${name}_module ${modulesDirectory}/mod_${name}.so`),
    'TypesConfig /etc/mime.types',
    ...(process.getuid?.() === 0 ? ['User www-data', 'Group www-data'] : []),
    '<IfModule mpm_event_module>',
    'StartServers 2',
    'ServerLimit 4',
    'ThreadsPerChild 16',
    'MaxRequestWorkers 64',
    'ThreadLimit 16',
    '</IfModule>',
    '<Directory />',
    'Options None',
    'AllowOverride None',
    'Require all denied',
    '</Directory>',
    '',
  ].join('\n');
  writeFileSync(mainConfiguration, own);
  const more =
    typeof main === 'string' ? main.replaceAll('PORT', String(port)).replaceAll('ROOT', root) : main;
  appendFileSync(mainConfiguration, more);
  if (typeof main === 'string')
    appendFileSync(mainConfiguration, `\nIncludeOptional ${includeDirectory}/*.conf\n`);
  let child: ChildProcess | null = null;
  const log = (): string => {
    try {
      return readFileSync(errorLog, 'utf8');
    } catch {
      return '';
    }
  };
  const starts = (): number => log().split(started).length - 1;
  let startsBefore = 0;

  const apache: RealApache = {
    root,
    port,
    mainConfiguration,
    includeDirectory,
    errorLog,
    async start() {
      startsBefore = starts();
      const process = spawn(apacheProgram, ['-DFOREGROUND', '-f', mainConfiguration], {
        stdio: ['ignore', 'ignore', 'pipe'],
        // Its prefork flavour ends its whole process group when it is ended.
        detached: true,
        env: { ...globalThis.process.env, PATH: `${globalThis.process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
      });
      child = process;
      let said = '';
      process.stderr.on('data', (text) => {
        said += String(text);
      });
      await until(() => {
        if (process.exitCode !== null) throw new Error(`Apache ended: ${said}${log()}`);
        return starts() > startsBefore;
      });
    },
    async stop() {
      const process = child;
      child = null;
      if (process === null || process.exitCode !== null || process.signalCode !== null) return;
      const ended = once(process, 'exit');
      process.kill('SIGTERM');
      await ended;
    },
    get: (path, headers = {}) =>
      new Promise((resolve, reject) => {
        const asked = request(
          { host: '127.0.0.1', port, path, agent: false, headers: { host: 'docs.test', ...headers } },
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
    reloads: () => starts() - startsBefore - 1,
    async close() {
      await apache.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
  return apache;
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

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
