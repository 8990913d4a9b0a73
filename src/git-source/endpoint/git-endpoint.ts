// The smart-HTTP endpoint: routes, names, credentials. It receives and serves packs by Git's own programs and decides nothing about them:
// who may do what is the PushAuthority's. The dumb protocol is not served.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { errorCodes } from '../../model/error-codes.ts';
import { namePattern } from '../../model/site.ts';
import { TreecastError, toWireError } from '../../model/treecast-error.ts';
import type { Author, PushAuthority } from '../push-authority.ts';
import { createRefAdvertiser } from './advertise-refs.ts';
import { type GitServiceName, gitServices } from './git-service.ts';
import { type Patience, patienceDefault } from './pump-body.ts';
import { createPushTurns } from './push-turns.ts';
import { receivePush } from './receive-push.ts';
import { createRequestSlots } from './request-slots.ts';
import { serveFetch } from './serve-fetch.ts';

export interface GitEndpointLogger {
  warn(data: Readonly<Record<string, unknown>>, message: string): void;
  error(data: Readonly<Record<string, unknown>>, message: string): void;
}

export interface GitEndpointOptions {
  /** Absolute; holds `<repository>.git` directories made by createRepository. */
  readonly repositoriesDirectory: string;
  readonly authority: PushAuthority;
  /** The largest push, in bytes of the uncompressed request. */
  readonly maxInputBytes: number;
  /** Git processes for clients at a time, of which no token and no repository gets more than half; who finds none free waits. */
  readonly requestsMax?: number;
  /** For so long; then the answer is 429 (RATE_LIMITED). */
  readonly waitMs?: number;
  /** What a client has to bring to go on with a push. */
  readonly patience?: Patience;
  readonly logger?: GitEndpointLogger;
}

/** A node:http request handler; under express it is mounted at /git, without a body parser before it. */
export interface GitEndpoint {
  (request: IncomingMessage, response: ServerResponse): void;
  /** Resolves when no push or fetch is being served; new ones are not refused. */
  settled(): Promise<void>;
}

interface Route {
  readonly repository: string;
  readonly service: GitServiceName;
  readonly advertise: boolean;
}

const requestsMaxDefault = 64;
const waitMsDefault = 30_000;
const silentLogger: GitEndpointLogger = { warn: () => {}, error: () => {} };

export function createGitEndpoint(options: GitEndpointOptions): GitEndpoint {
  const logger = options.logger ?? silentLogger;
  const advertiser = createRefAdvertiser();
  const active = new Set<Promise<void>>();
  const slots = createRequestSlots({
    slotsMax: options.requestsMax ?? requestsMaxDefault,
    waitMs: options.waitMs ?? waitMsDefault,
  });
  const turns = createPushTurns({
    onRecovered: (repository, removed) =>
      logger.warn({ repository, removed }, 'what a killed push had left was removed'),
    onError: (repository, error) =>
      logger.error({ repository, err: error }, 'what a killed push had left could not be removed'),
  });

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const route = findRoute(request);
    const access = route.service === 'git-receive-pack' ? 'write' : 'read';
    const author = await options.authority.authorize(credentialsOf(request), route.repository, access);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    if (response.destroyed) return;
    const give = await slots.take(
      [`token ${author.authorId}`, `repository ${route.repository}`],
      gone.signal,
    );
    try {
      await answer(route, request, response, author, give);
    } finally {
      give();
    }
  }

  /** `give` gives the slot back. */
  async function answer(
    route: Route,
    request: IncomingMessage,
    response: ServerResponse,
    author: Author,
    give: () => void,
  ): Promise<void> {
    const repositoryPath = `${options.repositoriesDirectory}/${route.repository}.git`;
    const protocol = protocolOf(request);
    if (route.advertise) {
      const advertisement = await advertiser.advertise(route.service, repositoryPath, protocol);
      response.writeHead(200, {
        'content-type': `application/x-${route.service}-advertisement`,
        'content-length': advertisement.length,
        'cache-control': 'no-cache, max-age=0, must-revalidate',
      });
      response.end(advertisement);
      return;
    }
    const body = bodyOf(request);
    const { authority, maxInputBytes, patience = patienceDefault } = options;
    if (route.service === 'git-upload-pack')
      return serveFetch({ repositoryPath, protocol, body, response, patience, logger });
    const { repository } = route;
    const leave = await turns.enter(repositoryPath);
    try {
      await receivePush({
        authority,
        repository,
        repositoryPath,
        author,
        body,
        response,
        maxInputBytes,
        patience,
        // A pusher that follows its job holds a connection and no process.
        onGitEnded(wasKilled) {
          leave(wasKilled);
          give();
        },
        logger,
      });
    } finally {
      leave(false);
    }
  }

  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const serving = serve(request, response)
      .catch((error: unknown) => {
        const wire = toWireError(error);
        if (errorCodes[wire.code].http >= 500)
          logger.error({ url: request.url, err: error }, 'a Git request failed');
        answerError(request, response, error);
      })
      .finally(() => active.delete(serving));
    active.add(serving);
  };
  return Object.assign(handle, {
    async settled() {
      while (active.size > 0) await Promise.all(active);
      await turns.settled();
    },
  });
}

function findRoute(request: IncomingMessage): Route {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const match = /^\/([^/]+)\.git\/(info\/refs|git-upload-pack|git-receive-pack)$/.exec(url.pathname);
  const repository = match?.[1] ?? '';
  if (!match || !namePattern.test(repository)) {
    throw new TreecastError('NOT_FOUND', 'There is nothing here.', {
      fix: 'Git URLs look like /git/<repository>.git.',
    });
  }
  const advertise = match[2] === 'info/refs';
  const wanted = advertise ? url.searchParams.get('service') : match[2];
  const service = gitServices.find((name) => name === wanted);
  if (service === undefined) {
    throw new TreecastError('FORBIDDEN', 'Only the smart HTTP protocol is served.', {
      fix: 'Use git 1.6.6 or newer.',
    });
  }
  if (request.method !== (advertise ? 'GET' : 'POST')) {
    throw new TreecastError('INVALID_INPUT', `${request.method} is not served here.`, { fix: 'Use git.' });
  }
  if (!advertise && request.headers['content-type'] !== `application/x-${service}-request`) {
    throw new TreecastError('INVALID_INPUT', 'The content type is not that of a Git request.', {
      fix: 'Use git.',
    });
  }
  return { repository, service, advertise };
}

function credentialsOf(request: IncomingMessage): { user: string; password: string } {
  const encoded = /^basic +([a-z0-9+/]+=*)$/i.exec(request.headers.authorization ?? '')?.[1];
  const [user, ...password] = Buffer.from(encoded ?? '', 'base64')
    .toString('utf8')
    .split(':');
  if (encoded === undefined || user === undefined || password.length === 0) {
    throw new TreecastError('UNAUTHENTICATED', 'A token is needed.', {
      fix: 'Give an author token as the password, with any user name.',
    });
  }
  return { user, password: password.join(':') };
}

/** Git-Protocol, when it is one Git sends; nothing else reaches its environment. */
function protocolOf(request: IncomingMessage): string | undefined {
  const header = request.headers['git-protocol'];
  return typeof header === 'string' && /^version=[0-2]$/.test(header) ? header : undefined;
}

function bodyOf(request: IncomingMessage): Readable {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity') return request;
  if (encoding !== 'gzip' && encoding !== 'x-gzip') {
    throw new TreecastError('INVALID_INPUT', 'The content encoding is not known.', { fix: 'Use git.' });
  }
  const gunzip = createGunzip();
  request.on('error', (error) => gunzip.destroy(error));
  return request.pipe(gunzip);
}

/** Git shows a plain-text body as `remote: …`. */
function answerError(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  request.resume();
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const { code, message, fix } = toWireError(error);
  const text =
    code === 'BUG' ? 'The server failed; its log says why.' : [message, fix].filter(Boolean).join(' ');
  response.writeHead(errorCodes[code].http, {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    ...(code === 'UNAUTHENTICATED' && { 'www-authenticate': 'Basic realm="treecast", charset="UTF-8"' }),
  });
  response.end(`treecast: ${text}\n`);
}
