// A node in memory for the core's tests: stages, switches and answers as the agent's contract says; what it answers goes to `answer`.

import type { HeldTree, SiteHolding } from '../../../model/messages.ts';
import type { SignedDecision, SignedReceipt } from '../../../model/receipt.ts';
import { compareReleases, type Release } from '../../../model/release.ts';
import { emptyTreeId } from '../../../model/tree.ts';
import type { CoreEvent } from '../events.ts';

export interface SimulatedNode {
  readonly name: string;
  connection: number | null;
  live: HeldTree | null;
  backup: HeldTree | null;
  staged: HeldTree | null;
  lastDecision: SignedDecision | null;
  executed: boolean;
  /** The next stagings fail with this code. */
  failsWith: 'SPACE_INSUFFICIENT' | null;
  /** Takes everything in and answers nothing, though connected. */
  isSilent: boolean;
}

export interface SimulatedAssignment {
  readonly base: string;
  readonly target: string;
}

export function createNodeBehaviour(site: string, answer: (node: SimulatedNode, event: CoreEvent) => void) {
  function stage(node: SimulatedNode, assignment: SimulatedAssignment, release: Release): void {
    const liveTree = node.live?.tree ?? null;
    const refuse = (error: {
      code: 'BASE_MISMATCH' | 'SPACE_INSUFFICIENT' | 'RELEASE_OUTDATED';
      message: string;
      data?: Record<string, unknown>;
    }) => answer(node, { type: 'nodeStageFailed', node: node.name, site, release, error });
    const last = node.lastDecision;
    if (
      last !== null &&
      (compareReleases(release, last.release) < 0 ||
        (compareReleases(release, last.release) === 0 && node.executed))
    ) {
      refuse({ code: 'RELEASE_OUTDATED', message: 'outdated' });
      return;
    }
    if ((liveTree ?? emptyTreeId()) !== assignment.base) {
      refuse({ code: 'BASE_MISMATCH', message: 'base', data: { liveTree } });
      return;
    }
    if (node.failsWith !== null) {
      refuse({ code: node.failsWith, message: 'no space' });
      return;
    }
    node.staged = { release, tree: assignment.target };
    answer(node, {
      type: 'nodeStaged',
      assignment: 'simulated',
      node: node.name,
      site,
      receipt: receipt(node, 'staged', release, assignment.target),
    });
    if (last !== null && !node.executed && last.toTree === assignment.target) decide(node, last);
  }

  function decide(node: SimulatedNode, decision: SignedDecision): void {
    const last = node.lastDecision;
    if (last !== null && compareReleases(decision.release, last.release) < 0) return;
    if (last !== null && compareReleases(decision.release, last.release) === 0 && node.executed) {
      if (node.live !== null)
        answer(node, {
          type: 'nodeSwitched',
          node: node.name,
          site,
          receipt: receipt(node, 'switched', decision.release, node.live.tree),
        });
      return;
    }
    node.lastDecision = decision;
    node.executed = false;
    const held = [node.live, node.staged, node.backup].find((tree) => tree?.tree === decision.toTree);
    if (held == null) {
      answer(node, {
        type: 'nodeStale',
        node: node.name,
        site,
        release: decision.release,
        live: node.live,
        error: { code: 'BASE_MISMATCH', message: 'not held' },
      });
      return;
    }
    if (held !== node.live) {
      node.backup = node.live;
      node.live = held;
      if (held === node.staged) node.staged = null;
    }
    node.executed = true;
    answer(node, {
      type: 'nodeSwitched',
      node: node.name,
      site,
      receipt: receipt(node, 'switched', decision.release, decision.toTree),
    });
  }

  function undo(node: SimulatedNode, release: Release): void {
    if (node.staged === null || compareReleases(node.staged.release, release) !== 0) return;
    node.staged = null;
    answer(node, { type: 'nodeUndone', node: node.name, site, release });
  }

  function receipt(
    node: SimulatedNode,
    phase: 'staged' | 'switched',
    release: Release,
    tree: string,
  ): SignedReceipt {
    return {
      version: 1,
      node: node.name,
      site,
      phase,
      scope: 'changed',
      release,
      tree,
      at: 0,
      signature: 'simulated',
    };
  }

  function holdingOf(node: SimulatedNode): SiteHolding {
    return {
      site,
      live: node.live,
      backup: node.backup,
      staged: node.staged,
      lastDecision: node.lastDecision,
      executed: node.executed,
    };
  }

  return { stage, decide, undo, holdingOf };
}
