// For tests: the API on a port of the loopback address, over a registry in memory, with a token for every kind of caller.

import { after } from 'node:test';
import type { RequestHandler } from 'express';
import { pino } from 'pino';
import type { Role } from '../../../model/api.ts';
import { TreecastError } from '../../../model/treecast-error.ts';
import { createManualClock } from '../../../net/testing/manual-clock.ts';
import type { CcmDatabase } from '../../db/ccm-database.ts';
import { openDatabase } from '../../db/open-database.ts';
import { createRegistry, type Registry } from '../../registry/registry.ts';
import { createSegments } from '../../segments/segments.ts';
import type { ApiContext } from '../api-context.ts';
import { createApi } from '../create-api.ts';
import { type ConnectionLimits, createPublicServer } from '../public-server.ts';
import { noPluginService } from './no-plugin-service.ts';
import { createServiceDouble, type ServiceDouble } from './service-double.ts';

export interface TemporaryApi {
  readonly url: string;
  readonly registry: Registry;
  readonly database: CcmDatabase;
  readonly service: ServiceDouble;
  readonly bugs: unknown[];
  /** Makes a token. */
  readonly token: (role: Role, sites?: readonly string[]) => string;
  /** A request with this token; `body` is sent as JSON, a string as it is. */
  call(method: string, path: string, token?: string, body?: unknown): Promise<Answer>;
  /** Whether `/readyz` says yes. */
  ready: boolean;
  close(graceMs?: number): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  readonly body: any; // oxlint-disable-line typescript/no-explicit-any -- as above
}

export interface TemporaryApiOptions {
  readonly git?: RequestHandler;
  readonly attemptsMax?: number;
  readonly limits?: Partial<ConnectionLimits>;
  /** Default: a CCM without plugins. */
  readonly plugins?: ApiContext['plugins'];
}

/** The commit that `main` names in every repository. */
export const mainCommit = 'c'.repeat(40);

export async function temporaryApi(options: TemporaryApiOptions = {}): Promise<TemporaryApi> {
  const database = await openDatabase(':memory:');
  const registry = createRegistry(database);
  const service = createServiceDouble();
  const bugs: unknown[] = [];
  const segments = createSegments({
    registry,
    send: () => undefined,
    isConnected: (node) => node === 'a',
    behind: () => null,
    appoint: () => false,
    health: { waitsFor: undefined },
    clock: createManualClock(),
    logger: pino({ level: 'silent' }),
  });
  const api = createApi({
    service,
    registry,
    keys: {
      list: () => [],
      rotate: () => Promise.reject(new Error('there are no keys')),
      rotateContent: () => [],
    },
    plugins: options.plugins ?? noPluginService,
    drift: { of: () => undefined, passedAt: () => undefined },
    segments,
    trees: { ofRelease: () => [] },
    version: '9.9.9',
    git: options.git ?? ((_, response) => void response.status(418).end()),
    resolveRef: async (_, ref) => (ref === 'refs/heads/main' || ref === mainCommit ? mainCommit : undefined),
    isConnected: (node) => node === 'a',
    behind: () => null,
    gitUrl: (repository) => `http://ccm/git/${repository}.git`,
    formatJoinToken: (secret) => `tcj_${secret}`,
    requireReady() {
      if (!temporary.ready) throw new TreecastError('DEFERRED', 'The CCM is starting or stopping.');
    },
    onBug: (error) => bugs.push(error),
    ...(options.attemptsMax === undefined ? {} : { attemptsMax: options.attemptsMax }),
  });
  const server = await createPublicServer(api, {
    listen: { host: '127.0.0.1', port: 0 },
    ...(options.limits && { limits: options.limits }),
  });
  let tokens = 0;
  const temporary: TemporaryApi = {
    url: server.url,
    registry,
    database,
    service,
    bugs,
    ready: true,
    token(role, sites) {
      const name = `${role} ${++tokens}`;
      return registry.tokens.create({ name, roles: [role], ...(sites && { sites }) }, 'test').secret;
    },
    async call(method, path, token, body) {
      const response = await fetch(server.url + path, {
        method,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = response.headers.get('content-type')?.startsWith('application/json');
      return {
        status: response.status,
        headers: response.headers,
        body: isJson ? (JSON.parse(text) as unknown) : text,
      };
    },
    close: (graceMs = 0) => server.close(graceMs),
  };
  after(async () => {
    await server.close(0);
    database.close();
  });
  return temporary;
}
