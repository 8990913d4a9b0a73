// Executes decisions: chooses the tree a decision means, and moves `live` to it by one rename (STG-8, STG-11 to STG-14); and takes
// one back on this node (STG-25).
// Journal and symlink are renamed back to back and made durable by one sync of the site's directory.

import { failpoint } from '../../faults/failpoint.ts';
import type { SignedDecision } from '../../model/receipt.ts';
import { compareReleases, releaseName } from '../../model/release.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { diskTroubleOf } from '../../net/disk-trouble.ts';
import { liveTarget } from './layout.ts';
import type { SiteContext } from './site-context.ts';
import type { DecisionOutcome, TreeProof } from './site-store.ts';
import { moveMaking } from './slots.ts';
import { dropStaging, moveLive, planRenames, replaceSlot, type Slot, type State, slotOf } from './state.ts';

/** STG-11: a decision is executed once, and only above the last one. The caller verified its signature. */
export async function executeDecision(
  context: SiteContext,
  decision: SignedDecision,
): Promise<DecisionOutcome> {
  const { journal } = context;
  const state = journal.state();
  const last = state.lastDecision;
  const order = last ? compareReleases(decision.release, last.release) : 1;
  if (order < 0) return { outcome: 'outdated' };
  if (order === 0 && last?.toTree !== decision.toTree) {
    throw new TreecastError('DECISION_INVALID', 'two decisions of one release name different trees', {
      fix: 'The epoch of the CCM must be raised after restoring its database; look for two CCMs of one site.',
    });
  }
  if (order === 0 && last?.signature !== decision.signature) {
    await keepSignature(context, decision);
    return executeDecision(context, decision);
  }
  if (order === 0 && state.executed) {
    await journal.settle();
    return { outcome: 'repeated', proof: proofOfLive(state, decision) };
  }
  const decided: State = { ...state, lastDecision: decision, executed: true };
  const target = treeFor(state, decision);
  if (!target) {
    if (order > 0) {
      await journal.save({ ...decided, executed: false }, 'kept');
      failpoint('agent.decision.noted');
    }
    return { outcome: 'stale' };
  }
  if (target.slot === state.live) {
    await journal.save(stay(decided, target, decision), 'kept');
    failpoint('agent.decision.stayed');
  } else {
    await switchTo(context, decided, target, decision);
    failpoint('agent.decision.switched');
  }
  return { outcome: 'switched', proof: proofOfLive(journal.state(), decision) };
}

/** STG-41: signed anew. What was decided stays as it is, so a disk that takes nothing is no reason to fail. */
async function keepSignature({ journal }: SiteContext, decision: SignedDecision): Promise<void> {
  const state: State = { ...journal.state(), lastDecision: decision };
  try {
    await journal.save(state, 'kept');
    failpoint('agent.decision.signed-anew');
  } catch (error) {
    if (!diskTroubleOf(error)) throw error;
    journal.assume(state);
  }
}

/** STG-12: the tree staged for this release, else live, else backup, else a tree staged for another release, if it is the decision's. */
function treeFor(state: State, { toTree, release }: SignedDecision): Slot | undefined {
  const staged = state.staging?.complete ? slotOf(state, state.staging.slot) : undefined;
  const ownStaged =
    state.staging && compareReleases(state.staging.release, release) === 0 ? staged : undefined;
  const candidates = [ownStaged, slotOf(state, state.live), slotOf(state, state.backup), staged];
  return candidates.find((slot) => slot?.held?.tree === toTree);
}

/** The tree is live already: it now counts as this release. */
function stay(state: State, slot: Slot, { release, toTree }: SignedDecision): State {
  return replaceSlot(withoutOutdatedStaging(state, release), { ...slot, held: { tree: toTree, release } });
}

/** A staged release at or below a decision can never be decided itself. */
function withoutOutdatedStaging(state: State, release: SignedDecision['release']): State {
  if (!state.staging || compareReleases(state.staging.release, release) > 0) return state;
  return planRenames(dropStaging(state));
}

async function switchTo(
  context: SiteContext,
  state: State,
  target: Slot,
  { release }: SignedDecision,
): Promise<void> {
  const moved = moveLive(state, target.slot, release);
  await moveSymlink(context, target, planRenames(withoutOutdatedStaging(moved, release)));
}

/**
 * STG-25: after a decision was executed and its tree turned out bad, the backup is live again on this node. The failed tree becomes
 * the backup; the decision counts as not executed, so that deciding it again executes it.
 */
export async function switchBackFrom(
  context: SiteContext,
  decision: SignedDecision,
): Promise<DecisionOutcome> {
  const state = context.journal.state();
  const last = state.lastDecision;
  const order = last ? compareReleases(decision.release, last.release) : 1;
  if (order < 0) return { outcome: 'outdated' };
  if (order > 0 || last?.toTree !== decision.toTree) {
    throw new TreecastError('BUG', `${releaseName(decision.release)} is not the last decision of this node`);
  }
  const live = slotOf(state, state.live);
  // Switched back before, or never executed.
  if (!state.executed && live?.held && live.held.tree !== decision.toTree) {
    return { outcome: 'repeated', proof: proofOfLive(state, live.held) };
  }
  const target = slotOf(state, state.backup);
  if (!state.executed || !target?.held) return { outcome: 'stale' };
  const moved = moveLive({ ...state, executed: false }, target.slot, target.held.release);
  await moveSymlink(context, target, planRenames(moved));
  failpoint('agent.decision.switched-back');
  return { outcome: 'switched', proof: proofOfLive(context.journal.state(), target.held) };
}

/** STG-14. `target` has the lag from before the move. */
async function moveSymlink(context: SiteContext, target: Slot, next: State): Promise<void> {
  const { journal, disk, layout } = context;
  const temporary = `${layout.live}.tmp`;
  try {
    const prepared = await journal.prepare(next, 'kept');
    await prepared.commit(() => {
      if (disk.lstat(temporary)) disk.unlink(temporary);
      makeLink(context, liveTarget(target.directory), temporary);
      failpoint('agent.live.linked');
      disk.rename(temporary, layout.live);
      failpoint('agent.live.moved');
    });
  } catch (cause) {
    // When the symlink moved and the journal did not, memory follows the symlink, as start-up would.
    if (disk.readlink(layout.live) === liveTarget(target.directory)) journal.assume(next);
    throw new TreecastError('SWITCH_FAILED', `live could not be moved to ${target.directory}`, {
      cause,
      fix: 'Look at the cause; the decision is executed when it is delivered again, or at the next start of the agent.',
    });
  }
  moveMaking(context, target.lag);
}

/** STG-27: without a free inode, by the one that is kept. */
function makeLink({ disk, reserve }: SiteContext, target: string, path: string): void {
  try {
    disk.symlink(target, path);
  } catch (error) {
    if (diskTroubleOf(error)?.kind !== 'full' || !reserve.freeInode()) throw error;
    disk.symlink(target, path);
  }
}

export function proofOfLive(state: State, { release }: Pick<SignedDecision, 'release'>): TreeProof {
  return { tree: slotOf(state, state.live)?.held?.tree ?? null, scope: 'changed', release };
}
