// A job as the API shows it, from the core's record of it.

import type { JobResource, NodeSiteState } from '../../model/api.ts';
import type { Job, NodeSite } from '../core/state.ts';

export function jobResource(job: Job): JobResource {
  return {
    id: job.id,
    type: job.type,
    site: job.site,
    phase: job.phase,
    release: job.release,
    commit: job.commit,
    tree: job.tree,
    requestedBy: job.requestedBy,
    createdAt: isoTime(job.createdAt),
    startedAt: isoTimeOrNull(job.startedAt),
    decidedAt: isoTimeOrNull(job.decidedAt),
    endedAt: isoTimeOrNull(job.endedAt),
    attempts: job.attempts,
    files: job.files,
    assignmentBytes: job.assignmentBytes,
    nodes: [...job.nodes].map(([node, state]) => ({
      node,
      state: state.state,
      progress: state.progress,
      stagedAt: isoTimeOrNull(state.stagedAt),
      liveAt: isoTimeOrNull(state.liveAt),
      error: state.error,
    })),
    error: job.error,
  };
}

export function nodeSiteState(row: NodeSite): NodeSiteState {
  return {
    site: row.site,
    phase: row.phase,
    held: row.held,
    stagedTree: row.staged?.tree ?? null,
    stagedRelease: row.staged?.release ?? null,
    liveTree: row.live?.tree ?? null,
    liveRelease: row.live?.release ?? null,
    liveSince: isoTimeOrNull(row.liveSince),
    backupTree: row.backup?.tree ?? null,
    error: row.error,
  };
}

export function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

function isoTimeOrNull(milliseconds: number | null): string | null {
  return milliseconds === null ? null : isoTime(milliseconds);
}
