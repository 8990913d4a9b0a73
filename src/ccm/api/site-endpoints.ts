// Sites, and what can be done with one: publish, roll back, look at, verify.

import { z } from 'zod';
import type { SiteResource } from '../../model/api.ts';
import type { Site } from '../../model/site.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { maySee } from '../registry/permission.ts';
import type { ApiContext } from './api-context.ts';
import { defineEndpoint, type Endpoint } from './endpoint.ts';
import { branch, name, policy, policyChange } from './request-schemas.ts';
import { withoutUndefined } from './without-undefined.ts';

const parameters = z.strictObject({ site: name });

export const siteEndpoints: readonly Endpoint[] = [
  defineEndpoint({
    method: 'GET',
    path: '/api/v1/sites',
    summary: 'All sites; an author sees its own.',
    roles: ['viewer', 'author'],
    handle: ({ principal }, context) => {
      const sites = context.registry.sites.list().filter((site) => maySee(principal, site.name));
      return sites.map((site) => toResource(site, context));
    },
  }),
  defineEndpoint({
    method: 'POST',
    path: '/api/v1/sites',
    summary: 'Adds a site, and its staging repository when there is none yet.',
    roles: ['operator'],
    status: 201,
    body: z.strictObject({
      name,
      repository: name.optional(),
      branch: branch.optional(),
      group: name.optional(),
      policy: policy.transform(withoutUndefined).optional(),
    }),
    async handle({ body, principal }, context) {
      const site = context.registry.sites.create(withoutUndefined(body), principal.name);
      await context.service.configurationChanged();
      return toResource(site, context);
    },
  }),
  defineEndpoint({
    method: 'GET',
    path: '/api/v1/sites/:site',
    summary: 'One site.',
    roles: ['viewer', 'author'],
    parameters,
    handle(input, context) {
      const site = context.registry.sites.get(input.parameters.site);
      const drift = context.registry.nodes.list().flatMap(({ name: node }) => {
        const drifted = context.drift.of(node, site.name);
        return drifted === undefined ? [] : [{ node, ...drifted }];
      });
      return { ...toResource(site, context), ...(drift.length === 0 ? {} : { drift }) };
    },
  }),
  defineEndpoint({
    method: 'PATCH',
    path: '/api/v1/sites/:site',
    summary: 'Changes what is named; a policy that is null goes back to its default.',
    roles: ['operator'],
    parameters,
    body: z.strictObject({
      branch: branch.optional(),
      group: name.optional(),
      policy: policyChange.transform(withoutUndefined).optional(),
    }),
    async handle(input, context) {
      const { site: siteName } = input.parameters;
      const site = context.registry.sites.update(
        siteName,
        withoutUndefined(input.body),
        input.principal.name,
      );
      await context.service.configurationChanged();
      return toResource(site, context);
    },
  }),
  defineEndpoint({
    method: 'DELETE',
    path: '/api/v1/sites/:site',
    summary: 'Removes the site from the CCM and from every node; its repository and history stay.',
    roles: ['operator'],
    parameters,
    status: 204,
    async handle(input, context) {
      context.registry.sites.remove(input.parameters.site, input.principal.name);
      await context.service.configurationChanged();
    },
  }),
  defineEndpoint({
    method: 'POST',
    path: '/api/v1/sites/:site/publish',
    summary: "Queues a publish of the branch's head, or of any ref or full commit id.",
    roles: ['author', 'operator'],
    parameters,
    status: 202,
    body: z.strictObject({
      ref: z.string().min(1).max(1_000).optional(),
      allowDelete: z.boolean().optional(),
    }),
    async handle(input, { registry, resolveRef, service }) {
      const site = registry.sites.get(input.parameters.site);
      const { ref = `refs/heads/${site.branch}`, allowDelete = false } = input.body;
      const commit = await resolveRef(site.repository, ref);
      if (commit === undefined) {
        throw new TreecastError('REF_UNKNOWN', `${ref} names no commit of repository ${site.repository}.`, {
          fix: 'Push it first, or give a branch, a tag or a full commit id that is there.',
        });
      }
      return service.publish({
        site: site.name,
        commit,
        requestedBy: input.principal.name,
        branchHead: input.body.ref === undefined ? commit : null,
        allowDelete,
      });
    },
  }),
  defineEndpoint({
    method: 'POST',
    path: '/api/v1/sites/:site/rollback',
    summary: 'Back to the tree that was live before the current one.',
    roles: ['operator'],
    parameters,
    status: 202,
    handle(input, { registry, service }) {
      const site = registry.sites.get(input.parameters.site);
      return service.rollback(site.name, input.principal.name);
    },
  }),
  defineEndpoint({
    method: 'GET',
    path: '/api/v1/sites/:site/status',
    summary: 'What is live, which job runs, and what every node holds.',
    roles: ['viewer', 'author'],
    parameters,
    async handle(input, { registry, service, plugins, drift }) {
      const site = registry.sites.get(input.parameters.site);
      const owed = plugins.troubledOf(site.name);
      const status = await service.status(site.name);
      const nodes = status.nodes.map((state) => {
        const drifted = drift.of(state.node, site.name);
        return drifted === undefined ? state : { ...state, drift: drifted };
      });
      return { ...status, nodes, ...(owed === 0 ? {} : { owed }) };
    },
  }),
  defineEndpoint({
    method: 'POST',
    path: '/api/v1/sites/:site/verify',
    summary: 'Every node re-reads every byte and recomputes its tree id.',
    roles: ['operator'],
    parameters,
    answer: 'patient',
    handle(input, { registry, service }) {
      const site = registry.sites.get(input.parameters.site);
      return service.verify(site.name);
    },
  }),
];

function toResource(site: Site, { registry, gitUrl }: ApiContext): SiteResource {
  return { ...site, gitUrl: gitUrl(site.repository), live: registry.sites.live(site.name) };
}
