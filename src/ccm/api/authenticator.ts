// Who is asking? Recognises the token of a request (bearer, or Git's basic-auth password) and slows down guessing.

import type { IncomingMessage } from 'node:http';
import { TreecastError } from '../../model/treecast-error.ts';
import { createFailedAttempts, type FailedAttemptsOptions } from '../failed-attempts.ts';
import type { Principal } from '../registry/permission.ts';
import type { TokenRegistry } from '../registry/token-registry.ts';

export interface Authenticator {
  /** Throws UNAUTHENTICATED, RATE_LIMITED. */
  byToken(token: string, address: string | undefined): Promise<Principal>;
  /** By `authorization: Bearer …`. Throws UNAUTHENTICATED, RATE_LIMITED. */
  byHeader(request: IncomingMessage): Promise<Principal>;
  /** Counts a Git client's wrong password; whether it may is the Git endpoint's to say. Throws RATE_LIMITED. */
  slowDownGit(request: IncomingMessage): Promise<void>;
}

export function createAuthenticator(
  tokens: Pick<TokenRegistry, 'authenticate'>,
  options: FailedAttemptsOptions,
): Authenticator {
  const failedAttempts = createFailedAttempts(options);

  async function byToken(token: string, address: string | undefined): Promise<Principal> {
    const principal = tokens.authenticate(token);
    if (principal) return principal;
    await failedAttempts.count(address);
    throw unauthenticated('The token is unknown, revoked or expired.');
  }

  return {
    byToken,

    async byHeader(request) {
      const { authorization } = request.headers;
      if (authorization === undefined) throw unauthenticated('The request has no token.');
      const token = /^bearer +(\S+)$/i.exec(authorization)?.[1] ?? '';
      return byToken(token, request.socket.remoteAddress);
    },

    async slowDownGit(request) {
      const encoded = /^basic +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
      if (encoded === undefined) return;
      const credentials = Buffer.from(encoded, 'base64').toString();
      const password = credentials.slice(credentials.indexOf(':') + 1);
      if (!tokens.authenticate(password)) await failedAttempts.count(request.socket.remoteAddress);
    },
  };
}

function unauthenticated(message: string): TreecastError {
  return new TreecastError('UNAUTHENTICATED', message, {
    fix: 'Give a good token (`treecast token create` makes one): `--token` or TREECAST_TOKEN for the command line, `authorization: Bearer TOKEN` over HTTP.',
  });
}
