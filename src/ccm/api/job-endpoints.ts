// Jobs: listed, looked at, followed, aborted. An author sees those of its sites; others are to it as if they were not there.

import { z } from 'zod';
import type { JobResource } from '../../model/api.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { CcmService } from '../ccm-service.ts';
import { hasRole, maySee, type Principal } from '../registry/permission.ts';
import { treeResource } from '../tree/tree-resource.ts';
import { defineEndpoint, type Endpoint } from './endpoint.ts';
import { id, limit, name } from './request-schemas.ts';

const parameters = z.strictObject({ id });

export const jobEndpoints: readonly Endpoint[] = [
  defineEndpoint({
    method: 'GET',
    path: '/api/v1/jobs',
    summary: 'The newest jobs, newest first.',
    roles: ['viewer', 'author'],
    query: z.strictObject({ site: name.optional(), limit }),
    async handle({ query, principal }, { service }) {
      const filter = { limit: query.limit };
      if (query.site !== undefined) {
        if (!maySee(principal, query.site)) throw forbiddenSite(query.site);
        return service.jobs({ ...filter, site: query.site });
      }
      if (hasRole(principal, 'viewer') || principal.sites === null) return service.jobs(filter);
      const jobs = await Promise.all(principal.sites.map((site) => service.jobs({ ...filter, site })));
      return jobs
        .flat()
        .sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1))
        .slice(0, query.limit);
    },
  }),
  defineEndpoint({
    method: 'GET',
    path: '/api/v1/jobs/:id',
    summary: 'One job.',
    roles: ['viewer', 'author'],
    parameters,
    handle: (input, { service }) => visibleJob(input.parameters.id, input.principal, service),
  }),
  defineEndpoint({
    method: 'GET',
    path: '/api/v1/jobs/:id/tree',
    summary:
      'Which group leader fed which with what the job delivers, how fast, and how far their nodes are.',
    roles: ['viewer', 'author'],
    parameters,
    async handle(input, { service, trees, registry }) {
      const job = await visibleJob(input.parameters.id, input.principal, service);
      const runs = job.release === null ? [] : trees.ofRelease(job.site, job.release);
      return treeResource(job, runs, (id) => registry.segments.find(id)?.name ?? id);
    },
  }),
  defineEndpoint({
    method: 'POST',
    path: '/api/v1/jobs/:id/abort',
    summary: 'Aborts a job whose decision is not made yet.',
    roles: ['operator'],
    parameters,
    handle: (input, { service }) => service.abort(input.parameters.id, input.principal.name),
  }),
  defineEndpoint({
    method: 'GET',
    path: '/api/v1/jobs/:id/follow',
    summary: 'What happens to a job from now on, a line of JSON each, the last with `"kind":"end"`.',
    roles: ['viewer', 'author'],
    parameters,
    answer: 'lines',
    async handle(input, { service }) {
      const job = await visibleJob(input.parameters.id, input.principal, service);
      return service.follow(job.id);
    },
  }),
];

async function visibleJob(jobId: string, principal: Principal, service: CcmService): Promise<JobResource> {
  const job = await service.job(jobId);
  if (maySee(principal, job.site)) return job;
  throw new TreecastError('NOT_FOUND', `There is no job ${JSON.stringify(jobId)}.`, {
    fix: 'List the jobs: treecast job list.',
  });
}

function forbiddenSite(site: string): TreecastError {
  return new TreecastError('FORBIDDEN', `This token is not for site ${site}.`, {
    fix: 'Use a token of that site, or leave the site out.',
  });
}
