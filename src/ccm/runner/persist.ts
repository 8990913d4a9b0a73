// The core's persist effects as one transaction. Entities are written as they are at the end of the batch, once each,
// parents before children.

import { failpoint } from '../../faults/failpoint.ts';
import type { PersistEffect } from '../core/effects.ts';
import type { CoreState, Job, NodeSite, Snapshot } from '../core/state.ts';
import type { CcmDatabase, Query } from '../db/ccm-database.ts';
import { toJsonColumn } from '../db/json-column.ts';
import type { EventInput, EventLog } from '../registry/event-log.ts';
import { createUpsert } from './upsert.ts';

export interface CorePersistence {
  /** Durable (synchronous=FULL) when the batch holds a decision. */
  write(state: CoreState, effects: readonly PersistEffect[]): void;
}

export interface CorePersistenceOptions {
  readonly database: CcmDatabase;
  readonly events: EventLog;
  /** Rows that go with a decision. */
  readonly decisionRows: (job: Job) => Iterable<Query>;
}

export function createCorePersistence({
  database,
  events,
  decisionRows,
}: CorePersistenceOptions): CorePersistence {
  const upserts = createUpserts();

  function write(state: CoreState, effects: readonly PersistEffect[]): void {
    if (effects.length === 0) return;
    const queries: Query[] = [];
    const jobs = new Set<string>();
    const jobNodes = new Map<string, { job: string; node: string }>();
    const nodeSites = new Map<string, { node: string; site: string }>();
    const sites = new Set<string>();
    const logs: EventInput[] = [];
    const decisions: Query[] = [];
    let durable = false;
    for (const effect of effects) {
      if (effect.do === 'saveSite') sites.add(effect.site);
      else if (effect.do === 'saveJob') jobs.add(effect.job);
      else if (effect.do === 'saveJobNode') jobNodes.set(`${effect.job}\n${effect.node}`, effect);
      else if (effect.do === 'saveNodeSite') nodeSites.set(`${effect.node}\n${effect.site}`, effect);
      else if (effect.do === 'insertSnapshot') queries.push(upserts.snapshot(snapshotRow(effect.snapshot)));
      else if (effect.do === 'log') logs.push(logOf(effect));
      else {
        durable = true;
        const { decision, job } = effect;
        decisions.push(
          database.queries.insertInto('decisions').values({
            site: decision.site,
            epoch: decision.release.epoch,
            sequence: decision.release.sequence,
            kind: decision.kind,
            from_tree: decision.fromTree,
            to_tree: decision.toTree,
            decided_at: decision.decidedAt,
            signed: toJsonColumn(decision),
            job,
          }),
        );
        const decided = state.jobs.get(job);
        if (decided !== undefined) decisions.push(...decisionRows(decided));
      }
    }
    for (const name of sites) {
      const site = state.sites.get(name);
      if (site === undefined) continue;
      queries.push(
        database.queries
          .updateTable('sites')
          .set({
            epoch: site.epoch,
            sequence: site.sequence,
            head_handled: site.headHandled,
            live_snapshot: site.live?.id ?? null,
            lost_decision: jsonOrNull(site.lost),
          })
          .where('name', '=', name),
      );
    }
    queries.push(...decisions);
    for (const id of jobs) {
      const job = state.jobs.get(id);
      if (job !== undefined) queries.push(upserts.job(jobRow(job)));
    }
    for (const { job, node } of jobNodes.values()) {
      const row = state.jobs.get(job)?.nodes.get(node);
      if (row === undefined) continue;
      queries.push(
        upserts.jobNode({
          job,
          node,
          state: row.state,
          staged_at: row.stagedAt,
          live_at: row.liveAt,
          error: jsonOrNull(row.error),
        }),
      );
    }
    for (const { node, site } of nodeSites.values()) {
      const row = state.nodes.get(node)?.sites.get(site);
      if (row !== undefined && state.sites.has(site)) queries.push(upserts.nodeSite(nodeSiteRow(node, row)));
      else
        queries.push(
          database.queries.deleteFrom('node_sites').where('node', '=', node).where('site', '=', site),
        );
    }
    database.transaction(
      () => {
        database.afterCommit(() => passed(durable, logs));
        for (const query of queries) database.run(query);
        for (const log of logs) events.append(log);
      },
      { durable },
    );
  }

  return { write };
}

function createUpserts() {
  return {
    snapshot: createUpsert(
      'snapshots',
      ['id'],
      [
        'id',
        'site',
        'job',
        'epoch',
        'sequence',
        'commit_id',
        'base_tree',
        'tree',
        'at',
        'previous',
        'content_sequence',
        'base_sequence',
        'base_mtime',
      ],
    ),
    job: createUpsert(
      'jobs',
      ['id'],
      [
        'id',
        'site',
        'type',
        'phase',
        'epoch',
        'sequence',
        'commit_id',
        'tree',
        'base_tree',
        'requested_by',
        'branch_head',
        'allow_delete',
        'created_at',
        'started_at',
        'decided_at',
        'ended_at',
        'attempts',
        'not_before',
        'files',
        'assignment_bytes',
        'error',
      ],
    ),
    jobNode: createUpsert(
      'job_nodes',
      ['job', 'node'],
      ['job', 'node', 'state', 'staged_at', 'live_at', 'error'],
    ),
    nodeSite: createUpsert(
      'node_sites',
      ['node', 'site'],
      [
        'node',
        'site',
        'phase',
        'held',
        'staged_tree',
        'staged_epoch',
        'staged_sequence',
        'live_tree',
        'live_epoch',
        'live_sequence',
        'live_since',
        'backup_tree',
        'backup_epoch',
        'backup_sequence',
        'error',
        'setback',
      ],
    ),
  };
}

function jsonOrNull(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
}

function snapshotRow(snapshot: Snapshot) {
  return {
    id: snapshot.id,
    site: snapshot.site,
    job: snapshot.job,
    epoch: snapshot.release.epoch,
    sequence: snapshot.release.sequence,
    commit_id: snapshot.commit,
    base_tree: snapshot.baseTree,
    tree: snapshot.tree,
    at: snapshot.at,
    previous: snapshot.previous,
    content_sequence: snapshot.lineage.contentSequence,
    base_sequence: snapshot.lineage.baseSequence,
    base_mtime: snapshot.lineage.baseMtime,
  };
}

function jobRow(job: Job) {
  return {
    id: job.id,
    site: job.site,
    type: job.type,
    phase: job.phase,
    epoch: job.release?.epoch ?? null,
    sequence: job.release?.sequence ?? null,
    commit_id: job.commit,
    tree: job.tree,
    base_tree: job.baseTree,
    requested_by: job.requestedBy,
    branch_head: job.branchHead,
    allow_delete: job.allowDelete ? 1 : 0,
    created_at: job.createdAt,
    started_at: job.startedAt,
    decided_at: job.decidedAt,
    ended_at: job.endedAt,
    attempts: job.attempts,
    not_before: job.notBefore,
    files: job.files,
    assignment_bytes: job.assignmentBytes,
    error: jsonOrNull(job.error),
  };
}

function nodeSiteRow(node: string, row: NodeSite) {
  return {
    node,
    site: row.site,
    phase: row.phase,
    held: row.held,
    staged_tree: row.staged?.tree ?? null,
    staged_epoch: row.staged?.release.epoch ?? null,
    staged_sequence: row.staged?.release.sequence ?? null,
    live_tree: row.live?.tree ?? null,
    live_epoch: row.live?.release.epoch ?? null,
    live_sequence: row.live?.release.sequence ?? null,
    live_since: row.liveSince,
    backup_tree: row.backup?.tree ?? null,
    backup_epoch: row.backup?.release.epoch ?? null,
    backup_sequence: row.backup?.release.sequence ?? null,
    error: jsonOrNull(row.error),
    setback: jsonOrNull(row.setback),
  };
}

/** What the batch was about, first of all its decision; names for failpoints. */
function passed(decided: boolean, logs: readonly EventInput[]): void {
  const has = (kind: RegExp) => logs.some((log) => kind.test(log.kind));
  if (decided) failpoint('ccm.core.decided');
  else if (has(/^job\.(?:succeeded|failed|superseded|aborted|partial)$/)) failpoint('ccm.core.ended');
  else if (has(/^job\.\w+\.requested$/)) failpoint('ccm.core.requested');
  else failpoint('ccm.core.saved');
}

function logOf({ do: _, ...event }: Extract<PersistEffect, { do: 'log' }>): EventInput {
  return event;
}
