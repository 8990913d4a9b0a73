// The CcmService: requests become events of the core, records become resources. It decides nothing that the core decides.

import { randomBytes } from 'node:crypto';
import type { SiteStatus } from '../../model/api.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { CcmService } from '../ccm-service.ts';
import type { CoreEvent } from '../core/events.ts';
import { lostDecisionError, wantedTreeOf } from '../core/lost-history.ts';
import type { CoreState, LostDecision, SiteState } from '../core/state.ts';
import type { CcmDatabase } from '../db/ccm-database.ts';
import type { Registry } from '../registry/registry.ts';
import type { DatabaseHealth } from '../runner/database-health.ts';
import type { Followers } from '../runner/followers.ts';
import { isoTime, jobResource, nodeSiteState } from '../runner/job-resource.ts';
import { jobFrom } from '../runner/load-state.ts';
import type { VerifyRequests } from './verify-requests.ts';

export interface ServiceOptions {
  readonly state: CoreState;
  readonly database: CcmDatabase;
  readonly registry: Registry;
  readonly followers: Followers;
  readonly verifyRequests: VerifyRequests;
  /** While the core waits for the database, its state is ahead of it, and is told to nobody. */
  readonly health: Pick<DatabaseHealth, 'waitsFor'>;
  readonly request: (event: CoreEvent) => Promise<void>;
  readonly treeOfCommit: (repository: string, commit: string) => Promise<string>;
  /** Reads the registry and tells the core. */
  readonly configure: () => Promise<void>;
  /** Whether a message would reach the node now. */
  readonly isConnected: (node: string) => boolean;
  /** Closes a removed node's connection. */
  readonly turnAway: (node: string, error: TreecastError) => void;
  /** What nodes are told of their segments may be another. */
  readonly segmentsChanged: () => void;
  /** Gives the site's members its keys again. */
  readonly regrant: (site: string) => void;
}

export function createService(options: ServiceOptions): CcmService {
  const { state, database, registry, followers, verifyRequests, request, health } = options;

  function requireWritten(): void {
    if (health.waitsFor !== undefined) throw health.waitsFor;
  }

  function siteOf(name: string): SiteState {
    const site = state.sites.get(name);
    if (site !== undefined) return site;
    throw new TreecastError('NOT_FOUND', `There is no site ${name}.`, { fix: 'See `treecast site list`.' });
  }

  const service: CcmService = {
    async publish({ site: name, commit, requestedBy, branchHead, allowDelete }) {
      const site = siteOf(name);
      const tree = await options.treeOfCommit(site.repository, commit);
      const job = newId('j');
      await request({
        type: 'publishRequested',
        job,
        site: name,
        commit,
        tree,
        requestedBy,
        branchHead,
        allowDelete,
      });
      return service.job(job);
    },

    async rollback(name, requestedBy) {
      siteOf(name);
      const job = newId('j');
      await request({ type: 'rollbackRequested', job, site: name, requestedBy });
      return service.job(job);
    },

    async abort(job, requestedBy) {
      const record = await service.job(job);
      if (record.endedAt !== null)
        throw new TreecastError('CONFLICT', `Job ${job} has ended: it ${record.phase}.`);
      await request({ type: 'abortRequested', job, requestedBy });
      return service.job(job);
    },

    async job(id) {
      requireWritten();
      return readJob(state, database, id);
    },

    async jobs({ site, limit }) {
      requireWritten();
      let query = database.queries
        .selectFrom('jobs')
        .selectAll()
        .orderBy('created_at', 'desc')
        .orderBy('id')
        .limit(limit);
      if (site !== undefined) query = query.where('site', '=', site);
      return database.all(query).map((row) => readJob(state, database, row.id));
    },

    follow: (job) => followers.follow(job),

    async status(name) {
      requireWritten();
      const site = siteOf(name);
      const jobId = site.running ?? site.queued[0] ?? lastJob(database, name);
      return {
        site: name,
        branch: site.branch,
        commit: site.live?.commit ?? null,
        tree: site.live?.tree ?? null,
        release: site.live?.release ?? null,
        liveSince: site.live === null ? null : isoTime(site.live.at),
        ...(site.lost === null ? {} : { lost: lostOf(site, site.lost) }),
        job: jobId === undefined ? null : readJob(state, database, jobId),
        nodes: [...site.members].sort().flatMap((member) => {
          const node = state.nodes.get(member);
          if (node === undefined) return [];
          const row = node.sites.get(name);
          const empty = {
            site: name,
            phase: 'empty',
            held: null,
            stagedTree: null,
            stagedRelease: null,
            liveTree: null,
            liveRelease: null,
            liveSince: null,
            backupTree: null,
            error: null,
          } as const;
          return [
            {
              ...(row === undefined ? empty : nodeSiteState(row)),
              node: member,
              connected: node.connection !== null,
              maintenance: node.maintenance,
              url: registry.nodes.find(member)?.url ?? null,
            },
          ];
        }),
      };
    },

    async verify(name) {
      requireWritten();
      const site = siteOf(name);
      return verifyRequests.verify({
        id: newId('v'),
        site: name,
        commit: site.lost === null ? (site.live?.commit ?? null) : null,
        tree: wantedTreeOf(site),
        members: [...site.members]
          .sort()
          .map((member) => ({ name: member, connected: options.isConnected(member) })),
      });
    },

    async setMaintenance(node, maintenance, requestedBy) {
      registry.nodes.setMaintenance(node, maintenance, requestedBy);
      options.segmentsChanged();
      await options.configure();
    },

    async removeNode(node, requestedBy) {
      const sites = registry.removeNode(node, requestedBy);
      options.turnAway(
        node,
        new TreecastError('NODE_REMOVED', `The CCM turns this agent away: node ${node} was removed.`, {
          fix: 'Join it again with a new token, if it is to come back.',
        }),
      );
      await options.configure();
      for (const site of sites) options.regrant(site);
    },

    configurationChanged: () => options.configure(),
  };
  return service;
}

/** From the core while it is open, from the database afterwards. Throws NOT_FOUND. */
export function readJob(state: CoreState, database: CcmDatabase, id: string) {
  const open = state.jobs.get(id);
  if (open !== undefined) return jobResource(open);
  const row = database.first(database.queries.selectFrom('jobs').selectAll().where('id', '=', id));
  if (row === undefined)
    throw new TreecastError('NOT_FOUND', `There is no job ${id}.`, { fix: 'See `treecast job list`.' });
  const nodes = database.all(
    database.queries.selectFrom('job_nodes').selectAll().where('job', '=', id).orderBy('node'),
  );
  return jobResource(jobFrom(row, nodes));
}

function lostOf(site: SiteState, { decision, node }: LostDecision): NonNullable<SiteStatus['lost']> {
  return {
    node,
    release: decision.release,
    tree: decision.toTree,
    decidedAt: isoTime(decision.decidedAt),
    error: lostDecisionError(site),
  };
}

function lastJob(database: CcmDatabase, site: string): string | undefined {
  return database.first(
    database.queries
      .selectFrom('jobs')
      .select('id')
      .where('site', '=', site)
      .orderBy('created_at', 'desc')
      .limit(1),
  )?.id;
}

function newId(kind: 'j' | 'v'): string {
  return `${kind}${randomBytes(5).toString('hex')}`;
}
