// The core's state as the database has it at start. What was in flight and undecided is queued again; what was decided goes forward.

import type { Selectable } from 'kysely';
import type { HeldTree } from '../../model/messages.ts';
import { defaultSitePolicy } from '../../model/site.ts';
import type { ObjectId } from '../../model/tree.ts';
import type { CoreState, Job, NodeSite, SiteState, Snapshot } from '../core/state.ts';
import { endedPhases, newSiteState } from '../core/state.ts';
import type { CcmDatabase } from '../db/ccm-database.ts';
import { fromJsonColumn } from '../db/json-column.ts';
import type { JobNodeTable, JobTable, NodeSiteTable, SnapshotTable } from '../db/schema.ts';

export function loadState(database: CcmDatabase, startedAt: number): CoreState {
  const { queries } = database;
  const state: CoreState = {
    startedAt,
    nextSnapshotId: 1,
    sites: new Map(),
    removedSites: new Map(),
    nodes: new Map(),
    jobs: new Map(),
  };
  for (const node of database.all(queries.selectFrom('nodes').selectAll().where('removed_at', 'is', null))) {
    state.nodes.set(node.name, {
      name: node.name,
      connection: null,
      isAway: false,
      maintenance: node.maintenance === 1,
      sites: new Map(),
      unknownSites: new Map(),
    });
  }
  for (const row of database.all(queries.selectFrom('sites').selectAll().orderBy('name'))) {
    const site = newSiteState({
      name: row.name,
      repository: row.repository,
      branch: row.branch,
      policy: { ...defaultSitePolicy, ...fromJsonColumn(row.policy) },
      epoch: row.epoch,
      formerEpoch: formerEpochOf(database, row.name),
    });
    site.lost = row.lost_decision === null ? null : fromJsonColumn(row.lost_decision);
    site.sequence = row.sequence;
    site.headHandled = row.head_handled;
    state.sites.set(row.name, site);
    loadHistory(database, site, row.live_snapshot);
  }
  const newest = database.first(queries.selectFrom('snapshots').select('id').orderBy('id', 'desc').limit(1));
  state.nextSnapshotId = (newest?.id ?? 0) + 1;
  for (const row of database.all(queries.selectFrom('node_sites').selectAll())) {
    state.nodes.get(row.node)?.sites.set(row.site, nodeSiteFrom(row));
  }
  const open = queries
    .selectFrom('jobs')
    .selectAll()
    .where('phase', 'not in', [...endedPhases])
    .orderBy('created_at');
  for (const row of database.all(open)) adoptJob(database, state, row);
  return state;
}

/** A removed site of the same name left its history behind, in epochs that this one starts above. */
function formerEpochOf({ queries, first }: CcmDatabase, site: string): number {
  return first(queries.selectFrom('removed_sites').select('epoch').where('name', '=', site))?.epoch ?? 0;
}

function loadHistory(database: CcmDatabase, site: SiteState, liveSnapshot: number | null): void {
  const { queries } = database;
  const epochsAbove = site.formerEpoch;
  const snapshots = queries.selectFrom('snapshots').selectAll().where('site', '=', site.name);
  for (const row of database.all(snapshots.where('epoch', '>', epochsAbove))) {
    site.snapshots.set(row.id, snapshotFrom(row));
  }
  site.live = liveSnapshot === null ? null : (site.snapshots.get(liveSnapshot) ?? null);
  const last = database.first(
    queries
      .selectFrom('decisions')
      .select('signed')
      .where('site', '=', site.name)
      .where('epoch', '>', epochsAbove)
      .orderBy('epoch', 'desc')
      .orderBy('sequence', 'desc')
      .limit(1),
  );
  site.lastDecision = last === undefined ? null : fromJsonColumn(last.signed);
}

function adoptJob(database: CcmDatabase, state: CoreState, row: Selectable<JobTable>): void {
  const site = state.sites.get(row.site);
  if (site === undefined) return;
  const rows = database.all(database.queries.selectFrom('job_nodes').selectAll().where('job', '=', row.id));
  const job = jobFrom(row, rows);
  if (job.phase === 'committing') site.running = job.id;
  else {
    if (job.phase !== 'deferred') job.phase = 'queued';
    if (job.type === 'rollback') site.queued.unshift(job.id);
    else site.queued.push(job.id);
  }
  state.jobs.set(job.id, job);
}

export function jobFrom(row: Selectable<JobTable>, nodes: readonly JobNodeTable[]): Job {
  return {
    id: row.id,
    type: row.type,
    site: row.site,
    phase: row.phase,
    release:
      row.epoch === null || row.sequence === null ? null : { epoch: row.epoch, sequence: row.sequence },
    commit: row.commit_id,
    tree: row.tree,
    baseTree: row.base_tree,
    requestedBy: row.requested_by,
    branchHead: row.branch_head,
    allowDelete: row.allow_delete === 1,
    createdAt: row.created_at,
    startedAt: row.started_at,
    decidedAt: row.decided_at,
    endedAt: row.ended_at,
    attempts: row.attempts,
    notBefore: row.not_before,
    files: row.files,
    assignmentBytes: row.assignment_bytes,
    error: row.error === null ? null : fromJsonColumn(row.error),
    lineage: null,
    assignments: new Map(),
    lastProgressAt: row.started_at ?? row.created_at,
    rollout: null,
    nodes: new Map(
      nodes.map((node) => [
        node.node,
        {
          state: node.state,
          progress: null,
          stagedAt: node.staged_at,
          liveAt: node.live_at,
          error: node.error === null ? null : fromJsonColumn(node.error),
          basesTried: 0,
        },
      ]),
    ),
  };
}

function snapshotFrom(row: Selectable<SnapshotTable>): Snapshot {
  return {
    id: row.id,
    site: row.site,
    job: row.job,
    release: { epoch: row.epoch, sequence: row.sequence },
    commit: row.commit_id,
    baseTree: row.base_tree,
    tree: row.tree,
    at: row.at,
    previous: row.previous,
    lineage: {
      contentSequence: row.content_sequence,
      baseSequence: row.base_sequence,
      baseMtime: row.base_mtime,
    },
  };
}

function nodeSiteFrom(row: NodeSiteTable): NodeSite {
  return {
    site: row.site,
    phase: row.phase,
    held: row.held,
    staged: heldTree(row.staged_tree, row.staged_epoch, row.staged_sequence),
    live: heldTree(row.live_tree, row.live_epoch, row.live_sequence),
    liveSince: row.live_since,
    backup: heldTree(row.backup_tree, row.backup_epoch, row.backup_sequence),
    lastDecision: null,
    error: row.error === null ? null : fromJsonColumn(row.error),
    setback: row.setback === null ? null : fromJsonColumn(row.setback),
    told: 'no',
    synchronizingFrom: null,
    synchronizeAttempts: 0,
  };
}

function heldTree(tree: ObjectId | null, epoch: number | null, sequence: number | null): HeldTree | null {
  return tree === null || epoch === null || sequence === null ? null : { tree, release: { epoch, sequence } };
}
