// Tokens of people and programs, and the one-time tokens with which agents join.

import { z } from 'zod';
import { type CreatedTokenResource, type JoinTokenResource, roles } from '../../model/api.ts';
import { joinTokenLifeMs, joinTokenLifeMsMax } from '../registry/join-token-registry.ts';
import { defineEndpoint, type Endpoint } from './endpoint.ts';
import { id, name } from './request-schemas.ts';

/** They stand for parts of the CCM in the event log. */
const reservedNames = ['recovery', 'retry', 'segments', 'treecast'];

const tokenName = z
  .string()
  .regex(
    /^[\p{L}\p{N}][\p{L}\p{N} ._@+-]{0,99}$/u,
    'must be 1–100 letters, digits, spaces or . _ @ + -, beginning with a letter or digit',
  )
  .refine((text) => !reservedNames.includes(text.toLowerCase()), `must not be ${reservedNames.join(', ')}`);

export const tokenEndpoints: readonly Endpoint[] = [
  defineEndpoint({
    method: 'GET',
    path: '/api/v1/tokens',
    summary: 'All tokens, also revoked ones; never their text.',
    roles: ['admin'],
    handle: (_, { registry }) => registry.tokens.list(),
  }),
  defineEndpoint({
    method: 'POST',
    path: '/api/v1/tokens',
    summary: 'Makes a token; its text is in this answer and nowhere else.',
    roles: ['admin'],
    status: 201,
    body: z.strictObject({
      name: tokenName,
      roles: z.array(z.enum(roles)).min(1).max(roles.length),
      sites: z.array(name).max(1_000).nullable().optional(),
      expiresAt: z.iso
        .datetime({ offset: true })
        .refine((text) => Date.parse(text) > Date.now(), 'must be in the future')
        .nullable()
        .optional(),
    }),
    handle({ body, principal }, { registry }): CreatedTokenResource {
      const { secret, token } = registry.tokens.create(
        {
          name: body.name,
          roles: [...new Set(body.roles)],
          sites: body.sites ?? null,
          expiresAt: body.expiresAt == null ? null : Date.parse(body.expiresAt),
        },
        principal.name,
      );
      return { ...token, token: secret };
    },
  }),
  defineEndpoint({
    method: 'DELETE',
    path: '/api/v1/tokens/:id',
    summary: 'Revokes a token; it stops working at once.',
    roles: ['admin'],
    parameters: z.strictObject({ id }),
    handle: (input, { registry }) => registry.tokens.revoke(input.parameters.id, input.principal.name),
  }),
  defineEndpoint({
    method: 'POST',
    path: '/api/v1/join-tokens',
    summary:
      'Makes a token with which one agent may join, once, soon; `segment`: where it will belong, made when there is none of that name.',
    roles: ['admin'],
    status: 201,
    body: z.strictObject({
      lifeSeconds: z
        .int()
        .min(1)
        .max(joinTokenLifeMsMax / 1_000)
        .default(joinTokenLifeMs / 1_000),
      segment: name.optional(),
    }),
    handle({ body, principal }, { registry, formatJoinToken }): JoinTokenResource {
      const segment =
        body.segment === undefined ? null : registry.segments.ensure(body.segment, principal.name).id;
      const { secret, expiresAt } = registry.joinTokens.create(
        principal.name,
        body.lifeSeconds * 1_000,
        segment,
      );
      return { token: formatJoinToken(secret), expiresAt: new Date(expiresAt).toISOString() };
    },
  }),
];
