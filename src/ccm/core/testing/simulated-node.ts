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
  /** What goes wrong after the next switches: a plugin (the new tree stays), or the probe (back to the former tree). */
  pluginFails: 'PLUGIN_FAILED' | 'PROBE_FAILED' | null;
  /** It went back from this release by itself. */
  wentBackFrom: Release | null;
  /** Takes everything in and answers nothing, though connected. */
  isSilent: boolean;
}

export interface SimulatedAssignment {
  readonly base: string;
  readonly target: string;
}

export function createNodeBehaviour(
  site: string,
  answer: (node: SimulatedNode, event: CoreEvent) => void,
  /** Called before `live` moves. */
  switching: (node: SimulatedNode, decision: SignedDecision) => void,
) {
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
    if (node.wentBackFrom !== null && compareReleases(decision.release, node.wentBackFrom) === 0) {
      reportStale(node, decision, 'PROBE_FAILED');
      return;
    }
    if (last !== null && compareReleases(decision.release, last.release) === 0 && node.executed) {
      if (node.pluginFails !== null) reportStale(node, decision, 'PLUGIN_FAILED');
      else if (node.live !== null)
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
      reportStale(node, decision, 'BASE_MISMATCH');
      return;
    }
    if (held !== node.live) switching(node, decision);
    if (node.pluginFails === 'PROBE_FAILED' && held !== node.live && node.live !== null) {
      if (held === node.staged) node.staged = null;
      node.backup = held;
      node.wentBackFrom = decision.release;
      reportStale(node, decision, 'PROBE_FAILED');
      return;
    }
    if (held !== node.live) {
      node.backup = node.live;
      node.live = held;
      if (held === node.staged) node.staged = null;
    }
    node.executed = true;
    if (node.pluginFails !== null) {
      reportStale(node, decision, 'PLUGIN_FAILED');
      return;
    }
    answer(node, {
      type: 'nodeSwitched',
      node: node.name,
      site,
      receipt: receipt(node, 'switched', decision.release, decision.toTree),
    });
  }

  function reportStale(
    node: SimulatedNode,
    { release }: SignedDecision,
    code: 'BASE_MISMATCH' | 'PLUGIN_FAILED' | 'PROBE_FAILED',
  ): void {
    const error = { code, message: code === 'BASE_MISMATCH' ? 'not held' : `failed on ${node.name}` };
    answer(node, { type: 'nodeStale', node: node.name, site, release, live: node.live, error });
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
