// A whole farm on 127.0.0.1: a CCM, nodes with real nginx, HAProxy before them, Varnish before that, and Treecast's plugins for all of it.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { SitePolicy } from '../../../src/model/site.ts';
import { freePorts } from '../../../src/plugins/testing/free-ports.ts';
import { type RunningServer, startServer } from '../../../src/plugins/testing/start-server.ts';
import { loopbackPlaces } from '../places.ts';
import { createFleet, type Fleet } from '../program-fleet.ts';
import { type HealthChecks, haproxyMain, nginxMain, varnishMain } from './server-files.ts';

export interface WebFarm {
  readonly fleet: Fleet;
  /** The name clients ask for. */
  readonly host: string;
  /** Ports of 127.0.0.1, from the outside in. */
  readonly varnish: number;
  readonly haproxy: number;
  readonly nginx: readonly number[];
  readonly servers: {
    readonly varnish: RunningServer;
    readonly haproxy: RunningServer;
    readonly nginx: readonly RunningServer[];
  };
  readonly haproxySocket: string;
  /** How often nginx has taken up a new configuration, over all nodes. */
  reloads(): Promise<number>;
  restartVarnish(): Promise<void>;
  /** The next of the nodes that come later: its nginx starts, its agent joins. */
  addNode(): Promise<void>;
  close(): Promise<void>;
}

export interface WebFarmOptions {
  readonly directory: string;
  readonly nodes: number;
  /** So many more have their place and their line in HAProxy's configuration from the start, and are started by `addNode`. */
  readonly laterNodes?: number;
  readonly policy?: Partial<SitePolicy>;
  /** HAProxy's, of every server. */
  readonly checks?: HealthChecks;
  /** Added to the nginx plugin's configuration. */
  readonly nginx?: Readonly<Record<string, unknown>>;
  /** Added to the cache's. */
  readonly cache?: Readonly<Record<string, unknown>>;
}

const host = 'site.test';
const repository = resolve(import.meta.dirname, '../../..');
const purgeVcl = join(repository, 'plugins/cache-purge/varnish/treecast.vcl');

export async function createWebFarm(options: WebFarmOptions): Promise<WebFarm> {
  const { directory, nodes, laterNodes = 0 } = options;
  const [varnishPort = 0, haproxyPort = 0, ...nginxPorts] = await freePorts(2 + nodes + laterNodes);
  const started: RunningServer[] = [];
  const keep = async (server: Promise<RunningServer>): Promise<RunningServer> => {
    started.push(await server);
    return server;
  };
  let fleet: Fleet | undefined;
  const close = async (): Promise<void> => {
    await fleet?.close();
    await Promise.all(started.splice(0).map((server) => server.end()));
  };
  const nginxAt = (index: number) => join(directory, `nginx${index + 1}`);
  const includesAt = (index: number) => join(nginxAt(index), 'treecast');
  try {
    for (const index of nginxPorts.keys()) {
      await mkdir(includesAt(index), { recursive: true });
      const main = nginxMain({ directory: nginxAt(index), includeDirectory: includesAt(index) });
      await writeFile(join(nginxAt(index), 'nginx.conf'), main);
    }
    const haproxyDirectory = join(directory, 'haproxy');
    await mkdir(haproxyDirectory, { recursive: true });
    const haproxySocket = join(haproxyDirectory, 'haproxy.sock');
    const servers = nginxPorts.map((port, index) => ({ name: `node${index + 1}`, port }));
    await writeFile(
      join(haproxyDirectory, 'haproxy.cfg'),
      haproxyMain(haproxyDirectory, haproxyPort, servers, options.checks),
    );
    const haproxy = await keep(
      startServer('haproxy', ['-db', '-W', '-f', join(haproxyDirectory, 'haproxy.cfg')], {
        serves: haproxyPort,
      }),
    );
    const varnishDirectory = join(directory, 'varnish');
    await mkdir(varnishDirectory, { recursive: true });
    await writeFile(join(varnishDirectory, 'main.vcl'), varnishMain(haproxyPort, purgeVcl));
    const startVarnish = () =>
      startServer(
        'varnishd',
        [
          [
            '-F',
            '-j',
            'none',
            '-n',
            varnishDirectory,
            '-a',
            `127.0.0.1:${varnishPort}`,
            '-f',
            join(varnishDirectory, 'main.vcl'),
          ],
          ['-s', 'malloc,64m', '-p', 'thread_pools=1', '-p', 'thread_pool_min=50', '-T', 'none'],
        ].flat(),
        { serves: varnishPort },
      );
    let varnish = await keep(startVarnish());
    // nginx needs something to listen on: the plugin writes the site's server when the agent starts.
    const nginx: RunningServer[] = [];
    const startNginx = async (index: number): Promise<void> => {
      await writeFile(join(includesAt(index), '00-alive.conf'), aliveServer(nginxAt(index)));
      nginx.push(
        await keep(
          startServer('nginx', ['-c', join(nginxAt(index), 'nginx.conf')], {
            serves: join(nginxAt(index), 'alive.sock'),
          }),
        ),
      );
    };
    for (let index = 0; index < nodes; index++) await startNginx(index);
    const running = await createFleet(
      join(directory, 'treecast'),
      { address: '127.0.0.1', namespace: null },
      loopbackPlaces(nodes),
      {
        ...(options.policy && { policy: options.policy }),
        ccm: {
          plugins: [
            {
              use: 'cache-purge',
              config: {
                urlMap: { origins: [`http://${host}`] },
                caches: [
                  {
                    name: 'front',
                    kind: 'varnish',
                    endpoints: [`http://127.0.0.1:${varnishPort}`],
                    ...options.cache,
                  },
                ],
              },
            },
            {
              use: 'loadbalancer',
              config: {
                balancers: [
                  {
                    name: 'front',
                    kind: 'haproxy',
                    sockets: [haproxySocket],
                    backends: ['nodes'],
                    drain: { waitSeconds: 5 },
                  },
                ],
              },
            },
          ],
        },
        agent: (index) => ({
          plugins: [
            {
              use: 'nginx',
              config: {
                mainConfiguration: join(nginxAt(index), 'nginx.conf'),
                includeDirectory: includesAt(index),
                servers: { bench: { listen: [`127.0.0.1:${nginxPorts[index]}`], serverName: [host] } },
                ...options.nginx,
              },
            },
          ],
        }),
      },
    );
    fleet = running;
    return {
      fleet: running,
      host,
      varnish: varnishPort,
      haproxy: haproxyPort,
      nginx: nginxPorts,
      servers: {
        haproxy,
        nginx,
        get varnish() {
          return varnish;
        },
      },
      haproxySocket,
      async reloads() {
        const logs = await Promise.all(
          nginx.map((_, index) => readFile(join(nginxAt(index), 'error.log'), 'utf8')),
        );
        return logs.join('').split('reconfiguring').length - 1;
      },
      async restartVarnish() {
        await varnish.end();
        varnish = await keep(startVarnish());
      },
      async addNode() {
        await startNginx(nginx.length);
        await running.addAgent({ address: '127.0.0.1', namespace: null });
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function aliveServer(directory: string): string {
  return `server { listen unix:${join(directory, 'alive.sock')}; return 204; }\n`;
}
