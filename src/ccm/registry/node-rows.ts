// How rows of nodes and node_sites read as records.

import type { Selectable } from 'kysely';
import type { NodeSiteState } from '../../model/api.ts';
import type { Release } from '../../model/release.ts';
import { fromJsonColumn } from '../db/json-column.ts';
import type { NodeSiteTable, NodeTable } from '../db/schema.ts';
import type { NodeRecord } from './node-registry.ts';

export function toNodeRecord(row: Selectable<NodeTable>): NodeRecord {
  return {
    name: row.name,
    labels: { ...fromJsonColumn(row.agent_labels), ...fromJsonColumn(row.labels) },
    joinedAt: row.joined_at,
    maintenance: row.maintenance === 1,
    url: row.url,
    agentVersion: row.agent_version,
    freeBytes: row.free_bytes,
    lastSeenAt: row.last_seen_at,
    segment: row.segment,
    segmentBy: row.segment_by,
    leadRole: row.lead_role,
    leadFactor: row.lead_factor,
  };
}

export function toNodeSiteState(row: NodeSiteTable): NodeSiteState {
  return {
    site: row.site,
    phase: row.phase,
    held: row.held,
    stagedTree: row.staged_tree,
    stagedRelease: releaseOf(row.staged_epoch, row.staged_sequence),
    liveTree: row.live_tree,
    liveRelease: releaseOf(row.live_epoch, row.live_sequence),
    liveSince: row.live_since === null ? null : new Date(row.live_since).toISOString(),
    backupTree: row.backup_tree,
    error: row.error === null ? null : fromJsonColumn(row.error),
  };
}

function releaseOf(epoch: number | null, sequence: number | null): Release | null {
  return epoch === null || sequence === null ? null : { epoch, sequence };
}
