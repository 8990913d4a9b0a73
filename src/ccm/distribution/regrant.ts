// Tells a site's nodes anew what they are granted: keys or policy are others.

import type { CcmMessage } from '../../model/messages.ts';
import type { CoreState } from '../core/state.ts';
import type { Grants } from './grants.ts';

export function createRegrant(
  state: CoreState,
  grants: Pick<Grants, 'ofSite'>,
  send: (node: string, message: CcmMessage) => void,
): (site: string) => void {
  return (site) => {
    for (const node of state.sites.get(site)?.members ?? []) {
      const grant = grants.ofSite(site, node);
      if (grant !== undefined) send(node, { type: 'grant', grant });
    }
  };
}
