// What an agent is told of its sites: keys, policy, last decision.

import { driftProfile, ownerProfile, type SiteGrant } from '../../model/messages.ts';
import { defaultSitePolicy } from '../../model/site.ts';
import type { WireError } from '../../model/treecast-error.ts';
import { contentKeysMax } from '../../net/link/limits.ts';
import { isWithheld } from '../core/setback.ts';
import type { CoreState } from '../core/state.ts';
import type { SignedAnew } from '../keys/signed-anew.ts';
import type { Registry } from '../registry/registry.ts';

export interface Grants {
  /** As this node may have it now: a decision that it must not hear of yet is left out (JOB-19). */
  ofSite(site: string, node: string): SiteGrant | undefined;
  ofNode(node: string): SiteGrant[];
  /** Why the node's agent cannot carry out what the site's policy says; null when it can. */
  refusal(site: string, node: string): WireError | null;
}

/** `understands`: what a node's agent said it knows; an older one refuses a grant that has more in it (LINK-40). */
export function createGrants(
  state: CoreState,
  registry: Registry,
  signedAnew: SignedAnew,
  understands: (node: string, profile: string) => boolean,
): Grants {
  function ofSite(name: string, node: string): SiteGrant | undefined {
    const site = state.sites.get(name);
    if (site === undefined) return undefined;
    const { autonomous, fileMode, executableMode, directoryMode, drift, owner, group } = site.policy;
    const isOwnerKnown = understands(node, ownerProfile);
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
        ...(understands(node, driftProfile) ? { drift } : {}),
        ...(isOwnerKnown && owner !== null ? { owner } : {}),
        ...(isOwnerKnown && group !== null ? { group } : {}),
      },
      lastDecision:
        site.lastDecision === null || isWithheld(state, site, node) ? null : signedAnew(site.lastDecision),
    };
  }
  function refusal(name: string, node: string): WireError | null {
    const { owner, group } = state.sites.get(name)?.policy ?? defaultSitePolicy;
    if ((owner === null && group === null) || understands(node, ownerProfile)) return null;
    return {
      code: 'ASSIGNMENT_PROFILE_UNKNOWN',
      message: `the agent of ${node} is older than owner and group in the policy of ${name}`,
      fix: "Update the agent, or take owner and group out of the site's policy.",
    };
  }

  return {
    refusal,
    ofSite,
    ofNode: (node) =>
      [...state.sites.values()]
        .filter((site) => site.members.has(node))
        .flatMap((site) => ofSite(site.name, node) ?? []),
  };
}
