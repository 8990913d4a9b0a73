// A decision that this CCM made and its database does not know: the database was copied back from an older backup (ARCHITECTURE §4).
// Nothing is rolled back for that: what the nodes serve stays, until somebody publishes again (JOB-25 to JOB-28).

import type { SignedDecision } from '../../model/receipt.ts';
import { compareReleases } from '../../model/release.ts';
import { endJob } from './ending.ts';
import { isUnknownDecision, lostDecisionError } from './lost-history.ts';
import { noteLive } from './node-live.ts';
import { undoStaging } from './staging.ts';
import type { Job, SiteState } from './state.ts';
import { runningJob, type Turn } from './turn.ts';

/** A decision out of a node's hello, whose signature the driver has verified. */
export function noteDecision(turn: Turn, site: SiteState, node: string, decision: SignedDecision): void {
  if (!isUnknownDecision(site, decision)) return;
  const known = site.lost?.decision;
  if (known !== undefined && compareReleases(decision.release, known.release) <= 0) return;
  raiseEpoch(turn, site, node, decision);
  const last = site.lastDecision;
  // What was decided since the database was copied back goes before what was lost with it.
  const isOvertaken = last !== null && last.decidedAt > decision.decidedAt;
  if (isOvertaken) decideAgain(turn, site);
  else hold(turn, site, node, decision);
}

/** Every site starts a new epoch: what one has lost shows that the whole database is old, and the nodes of others may come later. */
function raiseEpoch(turn: Turn, site: SiteState, node: string, { release }: SignedDecision): void {
  site.sequence = Math.max(site.sequence, release.sequence);
  turn.effects.push({ do: 'saveSite', site: site.name });
  if (site.epoch > release.epoch) return;
  const epoch = release.epoch + 1;
  for (const other of turn.state.sites.values()) {
    if (other.epoch >= epoch) continue;
    other.epoch = epoch;
    turn.effects.push(
      { do: 'saveSite', site: other.name },
      {
        do: 'log',
        actor: node,
        kind: 'epoch.raised',
        site: other.name,
        node,
        data: { epoch, sequence: other.sequence },
      },
    );
  }
}

function hold(turn: Turn, site: SiteState, node: string, decision: SignedDecision): void {
  site.lost = { decision, node };
  const error = lostDecisionError(site);
  const { release, toTree, decidedAt } = decision;
  turn.effects.push(
    { do: 'saveSite', site: site.name },
    {
      do: 'log',
      actor: node,
      kind: 'decision.lost',
      site: site.name,
      node,
      data: { release, toTree, decidedAt, known: site.lastDecision?.release ?? null, error },
    },
    { do: 'historyLost', site: site.name, error },
  );
  withdraw(turn, site, (job) => {
    const isOld = job.createdAt < turn.state.startedAt || job.requestedBy === 'recovery';
    return isOld && job.tree !== toTree;
  });
  for (const other of turn.state.nodes.values()) {
    const nodeSite = other.sites.get(site.name);
    if (nodeSite !== undefined) noteLive(turn, other, site.name, nodeSite.live);
  }
}

/** The node follows what was decided since only when that is above what it knows. */
function decideAgain(turn: Turn, site: SiteState): void {
  withdraw(turn, site, () => false);
  const isComing = site.queued.some((id) => turn.state.jobs.get(id)?.type === 'publish');
  if (!isComing) turn.effects.push({ do: 'republish', site: site.name });
}

/** Undecided jobs: those that `isVoid` names end, a running one begins again in the new epoch. */
function withdraw(turn: Turn, site: SiteState, isVoid: (job: Job) => boolean): void {
  const running = runningJob(turn, site);
  if (running !== undefined && (running.phase === 'planning' || running.phase === 'staging')) {
    undoStaging(turn, site, running);
    running.phase = 'queued';
    site.running = null;
    site.queued.unshift(running.id);
    turn.effects.push({ do: 'saveJob', job: running.id });
  }
  for (const id of [...site.queued]) {
    const job = turn.state.jobs.get(id);
    if (job === undefined || !isVoid(job)) continue;
    const error = lostDecisionError(site);
    endJob(turn, job, 'aborted', `not published: ${error.message} [${error.code}]\n${error.fix}`, error);
  }
  turn.toStart.add(site.name);
}
