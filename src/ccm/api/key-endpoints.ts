// The CCM's keys: listed, and rotated.

import { z } from 'zod';
import { TreecastError } from '../../model/treecast-error.ts';
import type { ApiContext } from './api-context.ts';
import { defineEndpoint, type Endpoint } from './endpoint.ts';
import { name } from './request-schemas.ts';

const rotation = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.enum(['ca', 'release']), compromised: z.boolean().default(false) }),
  z.strictObject({ kind: z.literal('content'), site: name.optional(), group: name.optional() }),
]);

export const keyEndpoints: readonly Endpoint[] = [
  defineEndpoint({
    method: 'GET',
    path: '/api/v1/keys',
    summary:
      'CA, release and content keys: which there are, since when, and how many nodes each CA’s certificates are with.',
    roles: ['viewer'],
    handle: (_, context) => context.keys.list(),
  }),
  defineEndpoint({
    method: 'POST',
    path: '/api/v1/keys/rotate',
    summary:
      'Replaces a key. `compromised`: nobody believes the former one any more; a CA’s then vouches for nothing, and nodes join again.',
    roles: ['admin'],
    body: rotation,
    async handle({ body, principal }, context) {
      if (body.kind !== 'content') {
        return [await context.keys.rotate(body.kind, body.compromised, principal.name)];
      }
      return context.keys.rotateContent(sitesOf(body, context), principal.name);
    },
  }),
];

/** Throws NOT_FOUND, INVALID_INPUT. */
function sitesOf(
  { site, group }: { readonly site?: string | undefined; readonly group?: string | undefined },
  { registry }: ApiContext,
): string[] {
  if (site !== undefined && group !== undefined) {
    throw new TreecastError('INVALID_INPUT', 'A site and a group were named.', { fix: 'Name one of them.' });
  }
  if (site !== undefined) return [registry.sites.get(site).name];
  if (group !== undefined) registry.groups.get(group);
  return registry.sites
    .list()
    .filter((candidate) => group === undefined || candidate.group === group)
    .map(({ name: found }) => found);
}
