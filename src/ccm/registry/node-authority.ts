// Answers the agents' port from the registry: may this secret join, and is this certificate still the node's?

import type { NodeAuthority } from '../gateway/node-authority.ts';
import type { Registry } from './registry.ts';

export function createNodeAuthority(
  registry: Pick<Registry, 'joinNode' | 'joinTokens' | 'nodes'>,
): NodeAuthority {
  return {
    check: registry.joinTokens.check,
    async redeem(secret, node, { serial, fingerprint }) {
      registry.joinNode(secret, {
        name: node,
        certificateFingerprint: fingerprint,
        certificateSerial: serial,
      });
    },
    async admits(node, { fingerprint }) {
      return registry.nodes.byFingerprint(fingerprint)?.name === node;
    },
  };
}
