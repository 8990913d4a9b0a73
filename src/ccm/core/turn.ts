// One call of `apply`: the state it may change, its moment, and the effects it has asked for so far.

import type { Decision, SignedDecision } from '../../model/receipt.ts';
import { emptyTreeId, type ObjectId } from '../../model/tree.ts';
import type { Effect } from './effects.ts';
import type { CoreState, Job, JobNodeState, NodeSite, NodeState, SiteState } from './state.ts';

export interface Turn {
  readonly state: CoreState;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Signs with the release-signing key; deterministic. */
  readonly sign: (decision: Decision) => SignedDecision;
  readonly effects: Effect[];
  /** Sites whose queue must be looked at before the turn ends. */
  readonly toStart: Set<string>;
}

export function siteOf(turn: Turn, name: string): SiteState | undefined {
  return turn.state.sites.get(name);
}

export function runningJob(turn: Turn, site: SiteState): Job | undefined {
  return site.running === null ? undefined : turn.state.jobs.get(site.running);
}

export function liveTreeOf(site: SiteState): ObjectId | null {
  return site.live?.tree ?? null;
}

/** The tree an assignment for this node starts from. */
export function baseTreeOf(nodeSite: NodeSite, target: ObjectId): ObjectId {
  return nodeSite.live?.tree ?? emptyTreeId(target);
}

/** The node's record of a site, made on first use. */
export function nodeSiteOf(node: NodeState, site: string): NodeSite {
  let nodeSite = node.sites.get(site);
  if (nodeSite === undefined) {
    nodeSite = {
      site,
      phase: 'empty',
      held: null,
      staged: null,
      live: null,
      liveSince: null,
      backup: null,
      lastDecision: null,
      error: null,
      setback: null,
      told: 'no',
      synchronizingFrom: null,
      synchronizeAttempts: 0,
    };
    node.sites.set(site, nodeSite);
  }
  return nodeSite;
}

/** Members that count for shares: those not in maintenance; in name order, so that effects are deterministic. */
export function servingMembers(turn: Turn, site: SiteState): NodeState[] {
  const members: NodeState[] = [];
  for (const name of [...site.members].sort()) {
    const node = turn.state.nodes.get(name);
    if (node !== undefined && !node.maintenance) members.push(node);
  }
  return members;
}

export function newJobNode(state: JobNodeState['state']): JobNodeState {
  return { state, progress: null, stagedAt: null, liveAt: null, error: null, basesTried: 0 };
}

export function saveJobNode(turn: Turn, job: Job, node: string): void {
  turn.effects.push({ do: 'saveJobNode', job: job.id, node }, { do: 'progressed', job: job.id });
}

export function saveNodeSite(turn: Turn, node: NodeState, site: string): void {
  turn.effects.push({ do: 'saveNodeSite', node: node.name, site });
}

/** Members, and those that the running job counts although they left the site meanwhile; nobody else's reports are of interest. */
export function takesPart(turn: Turn, site: SiteState, node: string): boolean {
  return site.members.has(node) || runningJob(turn, site)?.nodes.has(node) === true;
}
