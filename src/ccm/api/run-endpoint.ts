// The way of one request through an endpoint: who is it, may they, what do they ask, do it, answer.

import type { Request, Response } from 'express';
import { TreecastError } from '../../model/treecast-error.ts';
import { hasRole, isAuthorOf, type Principal } from '../registry/permission.ts';
import type { ApiContext } from './api-context.ts';
import type { Authenticator } from './authenticator.ts';
import type { Endpoint } from './endpoint.ts';
import { errorAnswer } from './error-answer.ts';
import { parseRequest } from './parse-request.ts';
import { readBody } from './request-body.ts';
import { sendJson, sendLines, sendPatiently } from './send-answer.ts';

const nobody: Principal = { tokenId: '', name: 'nobody', roles: [], sites: [], expiresAt: null };

export async function runEndpoint(
  endpoint: Endpoint,
  context: ApiContext,
  authenticator: Authenticator,
  request: Request,
  response: Response,
): Promise<void> {
  const principal = endpoint.roles === 'open' ? nobody : await authenticator.byHeader(request);
  requirePermission(endpoint, principal, request.params['site']);
  await readBody(request, response);
  const parsed = parseRequest(endpoint, request);
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const input = { ...parsed, principal, signal: gone.signal };
  const status = endpoint.status ?? 200;
  const wire = (error: unknown) => errorAnswer(error, requestIdOf(response)).error;
  const answer = async () => endpoint.handle(input, context);
  if (endpoint.answer === 'patient') await sendPatiently(response, status, answer(), wire);
  else if (endpoint.answer === 'lines') {
    await sendLines(response, (await answer()) as AsyncIterable<unknown>, wire);
  } else sendJson(response, status, await answer());
}

export function requestIdOf(response: Response): string {
  return String(response.getHeader('x-request-id'));
}

/** Throws FORBIDDEN; the same for sites that are and sites that are not. */
export function requirePermission(
  endpoint: Pick<Endpoint, 'roles'>,
  principal: Principal,
  site: string | string[] | undefined,
): void {
  if (endpoint.roles === 'open') return;
  const permitted = endpoint.roles.some((role) =>
    role === 'author' && typeof site === 'string' ? isAuthorOf(principal, site) : hasRole(principal, role),
  );
  if (permitted) return;
  const needed = endpoint.roles.join(' or ');
  const isOtherSite = endpoint.roles.includes('author') && hasRole(principal, 'author');
  throw new TreecastError(
    'FORBIDDEN',
    isOtherSite
      ? `The token ${principal.name} is not for site ${JSON.stringify(site)}.`
      : `The token ${principal.name} lacks the role ${needed}.`,
    { fix: `Ask an admin for a token with the role ${needed}${isOtherSite ? ' for this site' : ''}.` },
  );
}
