// A real Apache in the foreground, in a directory of its own and on a free port; and requests to it, each on a connection of its own.

import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askHttp, freePort, type HttpAnswer, type RunningServer, startServer } from 'treecast/plugin/testing';

export interface RealApache {
  readonly root: string;
  readonly port: number;
  readonly mainConfiguration: string;
  readonly includeDirectory: string;
  readonly errorLog: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  get(path: string, headers?: Record<string, string>): Promise<HttpAnswer>;
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
  let server: RunningServer | undefined;
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
      server = await startServer(apacheProgram, ['-DFOREGROUND', '-f', mainConfiguration], {
        serves: () => starts() > startsBefore,
        // Its prefork flavour ends its whole process group when it is ended.
        ownGroup: true,
        log,
      });
    },
    stop: async () => server?.end(),
    get: (path, headers = {}) =>
      askHttp(port, path, { headers: { host: 'docs.test', ...headers }, encoding: 'latin1' }),
    reloads: () => starts() - startsBefore - 1,
    async close() {
      await apache.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
  return apache;
}
