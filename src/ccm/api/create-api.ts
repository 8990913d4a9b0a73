// The HTTP API as an express application: security headers, request ids, the endpoints of the table, Git beside them, and errors as JSON.
// It listens nowhere by itself (public-server.ts does) and upgrades nothing but live events.

import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import helmet from 'helmet';
import { TreecastError } from '../../model/treecast-error.ts';
import type { FailedAttemptsOptions } from '../failed-attempts.ts';
import type { ApiContext } from './api-context.ts';
import { createAuthenticator } from './authenticator.ts';
import type { Method } from './endpoint.ts';
import { endpoints } from './endpoints.ts';
import { errorAnswer } from './error-answer.ts';
import { createEventsSocket } from './events-socket.ts';
import { requestIdOf, runEndpoint } from './run-endpoint.ts';

export interface ApiOptions extends ApiContext, FailedAttemptsOptions {
  /** Serves `/git`, mounted there: it sees paths such as `/docs.git/info/refs`. It authenticates by itself. */
  readonly git: RequestHandler;
  /** Told of errors that are bugs. */
  readonly onBug?: (error: unknown, facts: { readonly request: string; readonly url: string }) => void;
}

export interface Api {
  readonly app: Express;
  /** For a server's `upgrade` event: live events. Everything else is refused. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Closes the live-event sockets. */
  readonly close: () => void;
}

export function createApi(options: ApiOptions): Api {
  const app = express();
  const authenticator = createAuthenticator(options.registry.tokens, options);
  const eventsSocket = createEventsSocket({ registry: options.registry, authenticator });

  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.set('query parser', 'simple');
  app.use(helmet());
  app.use((_, response, next) => {
    response.setHeader('x-request-id', randomUUID());
    response.setHeader('cache-control', 'no-store');
    next();
  });

  app.use('/git', async (request, response, next) => {
    await authenticator.slowDownGit(request);
    // Git's client caches by what the endpoint says, not by what the API says.
    response.removeHeader('cache-control');
    next();
  });
  app.use('/git', options.git);

  for (const [path, ofPath] of Map.groupBy(endpoints, (endpoint) => endpoint.path)) {
    for (const endpoint of ofPath) {
      const method = endpoint.method.toLowerCase() as Lowercase<Method>;
      app[method](path, (request: Request, response: Response) =>
        runEndpoint(endpoint, options, authenticator, request, response),
      );
    }
    const allowed = ofPath.map((endpoint) => endpoint.method).join(', ');
    app.all(path, (request, response) => {
      response.setHeader('allow', allowed);
      throw new TreecastError('METHOD_NOT_ALLOWED', `${request.method} is not for ${request.path}.`, {
        fix: `Use ${allowed}.`,
      });
    });
  }

  app.use((request) => {
    throw new TreecastError('NOT_FOUND', `There is nothing at ${request.path.slice(0, 200)}.`, {
      fix: 'The API is under /api/v1 and described in docs/api.md; Git repositories are at /git/NAME.git.',
    });
  });

  const onError: ErrorRequestHandler = (thrown: unknown, request, response, _next) => {
    const answer = errorAnswer(thrown, requestIdOf(response));
    if (answer.isBug) options.onBug?.(thrown, { request: requestIdOf(response), url: request.originalUrl });
    if (response.headersSent) {
      response.destroy();
      return;
    }
    if (answer.error.code === 'UNAUTHENTICATED') response.setHeader('www-authenticate', 'Bearer');
    if (answer.error.code === 'RATE_LIMITED') {
      response.setHeader('retry-after', String(answer.error.data?.['retryAfterSeconds']));
    }
    // What is left of a refused body is not worth reading.
    if (!request.complete) response.setHeader('connection', 'close');
    response.status(answer.status).json({ error: answer.error });
  };
  app.use(onError);

  return { app, upgrade: eventsSocket.upgrade, close: eventsSocket.close };
}
