// What an agent is told of its sites: keys, policy, last decision.

import type { SiteGrant } from '../../model/messages.ts';
import { contentKeysMax } from '../../net/link/limits.ts';
import { isWithheld } from '../core/setback.ts';
import type { CoreState } from '../core/state.ts';
import type { SignedAnew } from '../keys/signed-anew.ts';
import type { Registry } from '../registry/registry.ts';

export interface Grants {
  /** As this node may have it now: a decision that it must not hear of yet is left out (JOB-19). */
  ofSite(site: string, node: string): SiteGrant | undefined;
  ofNode(node: string): SiteGrant[];
}

/** `understandsDrift`: of a node's agent; an older one refuses a grant that has more in it than it knows. */
export function createGrants(
  state: CoreState,
  registry: Registry,
  signedAnew: SignedAnew,
  understandsDrift: (node: string) => boolean,
): Grants {
  function ofSite(name: string, node: string): SiteGrant | undefined {
    const site = state.sites.get(name);
    if (site === undefined) return undefined;
    const { autonomous, fileMode, executableMode, directoryMode, drift } = site.policy;
    return {
      site: name,
      contentKeys: registry.contentKeys
        .list(name)
        .slice(0, contentKeysMax)
        .map(({ id, key }) => ({ id, key })),
      policy: {
        autonomous,
        fileMode,
        executableMode,
        directoryMode,
        ...(understandsDrift(node) ? { drift } : {}),
      },
      lastDecision:
        site.lastDecision === null || isWithheld(state, site, node) ? null : signedAnew(site.lastDecision),
    };
  }
  return {
    ofSite,
    ofNode: (node) =>
      [...state.sites.values()]
        .filter((site) => site.members.has(node))
        .flatMap((site) => ofSite(site.name, node) ?? []),
  };
}
