// Setbacks: a node that serves the decided tree with a failing plugin, that switched back, or that no balancer let go. Whether one
// counts, and whether the node may hear of the decision at all. It is durable, because no hello tells it.

import type { ErrorCode } from '../../model/error-codes.ts';
import type { SignedDecision } from '../../model/receipt.ts';
import { compareReleases } from '../../model/release.ts';
import type { WireError } from '../../model/treecast-error.ts';
import type { CoreState, NodeSite, Setback, SiteState } from './state.ts';

/** These nodes do not serve the decided tree, and are given it only by the next decision (JOB-21, JOB-22). */
const heldBackCodes: readonly ErrorCode[] = ['PROBE_FAILED', 'DRAIN_FAILED'];

/** The node's setback from the site's last decision. */
export function setbackOf(site: SiteState | undefined, nodeSite: NodeSite): Setback | null {
  const { setback } = nodeSite;
  const decision = site?.lastDecision;
  return setback !== null && decision != null && compareReleases(setback.release, decision.release) === 0
    ? setback
    : null;
}

/** It must not be told the last decision, nor be synchronized to it. */
export function isHeldBack(site: SiteState, nodeSite: NodeSite): boolean {
  const code = setbackOf(site, nodeSite)?.error.code;
  if (code === 'DRAIN_FAILED') return site.policy.drain?.onFailure === 'hold';
  return code !== undefined && heldBackCodes.includes(code);
}

/** It has not had its turn in a rollout, or is held back: whatever it is sent must not name the last decision. */
export function isWithheld(state: CoreState, site: SiteState, node: string): boolean {
  // What is served goes before what an old copy of the database knows (JOB-25).
  if (site.lost !== null) return true;
  const nodeSite = state.nodes.get(node)?.sites.get(site.name);
  if (nodeSite !== undefined && isHeldBack(site, nodeSite)) return true;
  const job = site.running === null ? undefined : state.jobs.get(site.running);
  return job?.rollout?.waiting.has(node) === true;
}

export function setBack(nodeSite: NodeSite, release: Setback['release'], error: WireError): void {
  nodeSite.setback = { release, error };
  nodeSite.error = error;
}

export function clearSetback(nodeSite: NodeSite): void {
  const { setback, error } = nodeSite;
  if (setback === null) return;
  if (error?.code === setback.error.code && error.message === setback.error.message) nodeSite.error = null;
  nodeSite.setback = null;
}

/** Another decision was made: who went back, or was not let go, takes part again; whose plugin failed must say first that it has switched. */
export function carrySetback(nodeSite: NodeSite, decision: SignedDecision): void {
  const { setback } = nodeSite;
  if (setback === null) return;
  if (heldBackCodes.includes(setback.error.code)) clearSetback(nodeSite);
  else nodeSite.setback = { ...setback, release: decision.release };
}
