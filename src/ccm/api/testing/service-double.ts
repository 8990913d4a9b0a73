// For tests: a CcmService that does what a test tells it and remembers what it was asked. It is the API's port, not the CCM.

import type { JobResource, JobUpdate, SiteStatus, VerifyResult } from '../../../model/api.ts';
import { TreecastError } from '../../../model/treecast-error.ts';
import type { CcmService } from '../../ccm-service.ts';

export interface ServiceDouble extends CcmService {
  readonly calls: readonly (readonly unknown[])[];
  readonly known: Map<string, JobResource>;
  /** What `follow` yields; a test may put its own here. */
  updates: (job: string) => AsyncIterable<JobUpdate>;
  /** What `verify` resolves to. */
  verified: () => Promise<VerifyResult>;
}

export function jobOf(fields: Partial<JobResource> & Pick<JobResource, 'id' | 'site'>): JobResource {
  return {
    type: 'publish',
    phase: 'queued',
    release: null,
    commit: null,
    tree: null,
    requestedBy: 'test',
    createdAt: '2026-11-23T00:00:00.000Z',
    startedAt: null,
    decidedAt: null,
    endedAt: null,
    attempts: 0,
    files: null,
    assignmentBytes: null,
    nodes: [],
    error: null,
    ...fields,
  };
}

export function createServiceDouble(): ServiceDouble {
  const calls: unknown[][] = [];
  const known = new Map<string, JobResource>();
  const record = (job: JobResource): JobResource => {
    known.set(job.id, job);
    return job;
  };
  const find = (id: string): JobResource => {
    const job = known.get(id);
    if (job) return job;
    throw new TreecastError('NOT_FOUND', `There is no job ${id}.`, { fix: 'List the jobs.' });
  };
  return {
    calls,
    known,
    async *updates(job) {
      yield { kind: 'line', text: 'staged 1/1' };
      yield { kind: 'end', text: 'live', job: jobOf({ ...find(job), phase: 'succeeded' }) };
    },
    verified: async () => ({ site: 'docs', commit: null, tree: null, nodes: [] }),
    async publish(request) {
      calls.push(['publish', request]);
      return record(jobOf({ id: `j-${known.size + 1}`, site: request.site, commit: request.commit }));
    },
    async rollback(site, requestedBy) {
      calls.push(['rollback', site, requestedBy]);
      throw new TreecastError('NOTHING_TO_ROLL_BACK', 'Nothing was live before.', { fix: 'Publish.' });
    },
    async abort(job, requestedBy) {
      calls.push(['abort', job, requestedBy]);
      return record({ ...find(job), phase: 'aborted' });
    },
    job: async (id) => find(id),
    async jobs({ site, limit }) {
      const all = [...known.values()].filter((job) => site === undefined || job.site === site);
      return all.sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1)).slice(0, limit);
    },
    follow(job) {
      return this.updates(job);
    },
    async status(site): Promise<SiteStatus> {
      const live = { commit: null, tree: null, release: null, liveSince: null };
      return { site, branch: 'main', ...live, job: null, nodes: [] };
    },
    verify() {
      return this.verified();
    },
    async setMaintenance(...call) {
      calls.push(['setMaintenance', ...call]);
    },
    async removeNode(...call) {
      calls.push(['removeNode', ...call]);
    },
    async configurationChanged() {
      calls.push(['configurationChanged']);
    },
  };
}
