// Which nodes a rollout takes out next (JOB-19): at most a batch, and never so many that too few stay in service.

import { neededOf } from './readiness.ts';
import { setbackOf } from './setback.ts';
import type { Job, NodeState, Rollout, SiteState } from './state.ts';
import { nodeSiteOf, servingMembers, type Turn } from './turn.ts';

export interface NextBatch {
  readonly drained: readonly string[];
  /** When nobody can be spared; never together with drained ones. */
  readonly undrained: readonly string[];
  readonly minInService: number;
}

/** Undefined when nobody can have a turn now. A patient rollout waits for members that may return in a moment, before it goes below the minimum. */
export function nextBatch(
  turn: Turn,
  site: SiteState,
  job: Job,
  rollout: Rollout,
  isPatient: boolean,
): NextBatch | undefined {
  const { drain } = site.policy;
  if (drain === null) return undefined;
  const members = servingMembers(turn, site);
  const candidates = members.filter(
    (node) =>
      node.connection !== null &&
      rollout.waiting.has(node.name) &&
      job.nodes.get(node.name)?.state === 'staged',
  );
  if (candidates.length === 0) return undefined;
  const inService = new Set(members.filter((node) => isInService(site, job, rollout, node)));
  const minInService = neededOf(drain.minInService, members.length);
  const spare = inService.size - minInService;
  if (spare < 1 && isPatient && members.some((node) => node.connection === null && !node.isAway))
    return undefined;
  // Whoever has a turn may serve, also one that is not counted as such. When nobody can be spared one moves all the same, as long
  // as another one surely serves.
  const isSpared = (node: NodeState) =>
    spare >= 1 || minInService === 0 || inService.size > (inService.has(node) ? 1 : 0);
  const nodesMax = Math.max(1, neededOf(drain.batch, rollout.total));
  const drained = candidates.filter(isSpared).slice(0, Math.min(nodesMax, Math.max(1, spare)));
  const undrained = drained.length > 0 ? [] : candidates.slice(0, nodesMax);
  const nameOf = (node: NodeState) => node.name;
  return { drained: drained.map(nameOf), undrained: undrained.map(nameOf), minInService };
}

/** Connected, healthy, with the tree of before or switched to that of now, and not taken out by this rollout. */
export function isInService(site: SiteState, job: Job, rollout: Rollout, node: NodeState): boolean {
  const nodeSite = nodeSiteOf(node, site.name);
  const tree = nodeSite.live?.tree;
  const setback = setbackOf(site, nodeSite);
  const state = job.nodes.get(node.name)?.state;
  if (node.connection === null || tree === undefined || rollout.out.has(node.name)) return false;
  // Who has the new tree from before this job was stale until now: it counts when it has said that it switched.
  if (tree !== job.baseTree && (tree !== job.tree || state !== 'live')) return false;
  // One that could not be taken out still serves.
  if (setback !== null) return setback.error.code === 'DRAIN_FAILED';
  return state !== 'stale' && state !== 'lost';
}
