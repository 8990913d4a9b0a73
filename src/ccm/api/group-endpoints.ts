// Content groups.

import { z } from 'zod';
import { defineEndpoint, type Endpoint } from './endpoint.ts';
import { labels, name } from './request-schemas.ts';
import { withoutUndefined } from './without-undefined.ts';

const parameters = z.strictObject({ group: name });
const change = {
  nodes: z.array(name).max(10_000).optional(),
  selector: labels.nullable().optional(),
};

export const groupEndpoints: readonly Endpoint[] = [
  defineEndpoint({
    method: 'GET',
    path: '/api/v1/groups',
    summary: 'All content groups.',
    roles: ['viewer'],
    handle: (_, { registry }) => registry.groups.list(),
  }),
  defineEndpoint({
    method: 'POST',
    path: '/api/v1/groups',
    summary: 'Adds a content group: nodes by name, by labels, or both.',
    roles: ['operator'],
    status: 201,
    body: z.strictObject({ name, ...change }),
    async handle({ body, principal }, { registry, service }) {
      const group = registry.groups.create(withoutUndefined(body), principal.name);
      await service.configurationChanged();
      return group;
    },
  }),
  defineEndpoint({
    method: 'GET',
    path: '/api/v1/groups/:group',
    summary: 'One content group.',
    roles: ['viewer'],
    parameters,
    handle: (input, { registry }) => registry.groups.get(input.parameters.group),
  }),
  defineEndpoint({
    method: 'PATCH',
    path: '/api/v1/groups/:group',
    summary: 'Replaces its nodes, its selector (null: none), or both.',
    roles: ['operator'],
    parameters,
    body: z.strictObject(change),
    async handle(input, { registry, service }) {
      const { group: groupName } = input.parameters;
      const group = registry.groups.update(groupName, withoutUndefined(input.body), input.principal.name);
      await service.configurationChanged();
      return group;
    },
  }),
  defineEndpoint({
    method: 'POST',
    path: '/api/v1/groups/:group/order',
    summary: 'Whose leaders are handed assignments first: segments and nodes by name; empty: as measured.',
    roles: ['operator'],
    parameters,
    body: z.strictObject({ order: z.array(name).max(10_000) }),
    handle: ({ parameters: { group }, body, principal }, { registry }) =>
      registry.groups.setOrder(group, body.order, principal.name),
  }),
  defineEndpoint({
    method: 'DELETE',
    path: '/api/v1/groups/:group',
    summary: 'Removes a content group that no site uses.',
    roles: ['operator'],
    parameters,
    status: 204,
    async handle(input, { registry, service }) {
      registry.groups.remove(input.parameters.group, input.principal.name);
      await service.configurationChanged();
    },
  }),
];
