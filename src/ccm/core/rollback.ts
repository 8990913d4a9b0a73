// A rollback is a decision, not a swap (R8.4, ARCHITECTURE §6): who holds the tree switches at once, the others are synchronized in the same job.

import { decide, settleCommit } from './decision.ts';
import { endJob, logStarted } from './ending.ts';
import { lostDecisionError } from './lost-history.ts';
import { enlist } from './publish.ts';
import type { Job, SiteState } from './state.ts';
import { synchronize } from './synchronize.ts';
import { nodeSiteOf, servingMembers, type Turn } from './turn.ts';

/** True when the job is running now; it never waits for a quorum: nodes that are away get the decision when they return. */
export function startRollback(turn: Turn, site: SiteState, job: Job): boolean {
  if (site.lost !== null) {
    const error = lostDecisionError(site);
    endJob(turn, job, 'failed', `not rolled back: ${error.message} [${error.code}]\n${error.fix}`, error);
    return false;
  }
  const target = site.live?.previous == null ? undefined : site.snapshots.get(site.live.previous);
  if (target === undefined) {
    endJob(turn, job, 'failed', 'nothing to roll back to: there is no earlier release', {
      code: 'NOTHING_TO_ROLL_BACK',
      message: `site ${site.name} has no earlier release to return to`,
      fix: 'publish the commit you want with `treecast publish SITE --ref COMMIT`',
    });
    // A job that ended just now left them to this one.
    for (const node of servingMembers(turn, site)) synchronize(turn, site, node);
    return false;
  }
  const release = { epoch: site.epoch, sequence: site.sequence + 1 };
  site.sequence = release.sequence;
  site.running = job.id;
  site.queued = site.queued.filter((id) => id !== job.id);
  job.release = release;
  job.baseTree = site.live?.tree ?? null;
  job.tree = target.tree;
  job.commit = target.commit;
  job.startedAt = turn.now;
  job.attempts += 1;
  job.files = 0;
  logStarted(turn, job);
  const connected = servingMembers(turn, site).filter((node) => node.connection !== null);
  enlist(turn, site, job, connected);
  for (const node of connected) {
    const { live, backup, staged } = nodeSiteOf(node, site.name);
    const state = job.nodes.get(node.name);
    // `staged` here means: holds the tree and only needs the decision.
    if (state !== undefined && [live, backup, staged].some((held) => held?.tree === target.tree))
      state.state = 'staged';
  }
  decide(turn, site, job, target);
  settleCommit(turn, site, job);
  return true;
}
