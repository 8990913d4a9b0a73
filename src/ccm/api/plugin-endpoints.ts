// Plugins on the CCM: what they are, what they owe, and what balancers should and do say of a site's nodes.

import { z } from 'zod';
import { balanceActions } from '../../model/api.ts';
import type { ApiContext } from './api-context.ts';
import { defineEndpoint, type Endpoint } from './endpoint.ts';
import { id, limit, name } from './request-schemas.ts';

const balanceBody = z
  .strictObject({
    action: z.enum(balanceActions),
    nodes: z.array(name).max(10_000).optional(),
    group: name.optional(),
    share: z.number().min(0).max(1).optional(),
  })
  .refine(({ action, share }) => (action === 'weigh') === (share !== undefined), {
    path: ['share'],
    message: 'belongs to the action `weigh`, and is needed there',
  });

export const pluginEndpoints: readonly Endpoint[] = [
  defineEndpoint({
    method: 'GET',
    path: '/api/v1/plugins',
    summary: 'The plugins that run on the CCM, and what each owes.',
    roles: ['viewer'],
    handle: (_, { plugins }) => plugins.list(),
  }),
  defineEndpoint({
    method: 'GET',
    path: '/api/v1/plugin-tasks',
    summary: 'Calls of plugins (purges, reindexing, notifications), newest first.',
    roles: ['viewer'],
    query: z.strictObject({
      job: id.optional(),
      site: name.optional(),
      plugin: name.optional(),
      state: z.enum(['owed', 'done', 'failed']).optional(),
      limit,
    }),
    handle: ({ query }, { plugins }) => plugins.tasks(query),
  }),
  defineEndpoint({
    method: 'POST',
    path: '/api/v1/plugins/:plugin/retry',
    summary: 'What the plugin owes is tried again now.',
    roles: ['operator'],
    parameters: z.strictObject({ plugin: name }),
    handle: ({ parameters }, { plugins }) => plugins.retry(parameters.plugin),
  }),
  defineEndpoint({
    method: 'GET',
    path: '/api/v1/sites/:site/balance',
    summary: 'Which nodes should get traffic, and what the balancers say of them.',
    roles: ['viewer'],
    parameters: z.strictObject({ site: name }),
    answer: 'patient',
    handle: ({ parameters }, { plugins }) => plugins.balance(parameters.site),
  }),
  defineEndpoint({
    method: 'POST',
    path: '/api/v1/sites/:site/balance',
    summary: 'Takes nodes out of the balancers, puts them back, or sets their weight.',
    roles: ['operator'],
    parameters: z.strictObject({ site: name }),
    body: balanceBody,
    answer: 'patient',
    handle: ({ parameters: { site }, body, principal }, context) =>
      context.plugins.act({
        site,
        action: body.action,
        nodes: nodesOf(site, body, context),
        share: body.share ?? 1,
        requestedBy: principal.name,
      }),
  }),
];

function nodesOf(
  site: string,
  { nodes, group }: z.output<typeof balanceBody>,
  { registry }: ApiContext,
): readonly string[] {
  if (nodes === undefined && group === undefined)
    return registry.groups.membersOf(registry.sites.get(site).group);
  const ofGroup = group === undefined ? [] : registry.groups.membersOf(registry.groups.get(group).name);
  return [...new Set([...(nodes ?? []), ...ofGroup])];
}
