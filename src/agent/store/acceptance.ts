// Whether this node may receive and stage an assignment now: site, profile, release order, base tree.
// Changes nothing. Space is space-ledger.ts's.

import { type AssignmentHeader, commandSetProfiles } from '../../model/assignment.ts';
import { compareReleases, releaseName } from '../../model/release.ts';
import { emptyTreeIds } from '../../model/tree.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { type State, slotOf } from './state.ts';

/** STG-10. Throws ASSIGNMENT_MALFORMED, ASSIGNMENT_PROFILE_UNKNOWN, RELEASE_OUTDATED, BASE_MISMATCH. */
export function checkAcceptable(header: AssignmentHeader, state: State): void {
  if (header.site !== state.site) {
    throw new TreecastError(
      'ASSIGNMENT_MALFORMED',
      `the assignment is for site ${header.site}, not ${state.site}`,
    );
  }
  if (!commandSetProfiles.includes(header.profile)) {
    throw new TreecastError(
      'ASSIGNMENT_PROFILE_UNKNOWN',
      `this agent does not know the command set ${header.profile}`,
      { fix: 'Update the agent.' },
    );
  }
  if (isRestore(header)) {
    checkBase(header, state);
    return;
  }
  const last = state.lastDecision;
  const order = last ? compareReleases(header.release, last.release) : 1;
  if (order < 0 || (order === 0 && state.executed)) {
    throw new TreecastError(
      'RELEASE_OUTDATED',
      `release ${releaseName(header.release)} is not above ${last ? releaseName(last.release) : 'the last one'}, which was decided and executed here`,
      { fix: 'Nothing to do: a newer release took its place.', data: { lastDecided: last?.release } },
    );
  }
  if (!emptyTreeIds.includes(header.baseTree)) checkBase(header, state);
}

/** STG-37: it has contents of the tree that is live, to put drifted files right, and stages nothing. */
export function isRestore({ type, baseTree, targetTree }: AssignmentHeader): boolean {
  return type === 'restore' && baseTree === targetTree;
}

function checkBase(header: AssignmentHeader, state: State): void {
  const live = slotOf(state, state.live)?.held?.tree ?? null;
  if (header.baseTree === live) return;
  throw new TreecastError(
    'BASE_MISMATCH',
    `the assignment starts from tree ${header.baseTree}, but ${live ?? 'no tree'} is live here`,
    {
      fix: 'Nothing to do: the CCM synchronizes the node from the tree it holds.',
      data: { baseTree: header.baseTree, liveTree: live },
    },
  );
}

/** Whether the tree is built from nothing instead of from live. */
export function startsFromNothing(header: AssignmentHeader, state: State): boolean {
  const live = slotOf(state, state.live)?.held?.tree;
  return live === undefined || (emptyTreeIds.includes(header.baseTree) && live !== header.baseTree);
}
