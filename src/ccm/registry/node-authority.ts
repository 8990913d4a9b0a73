// Answers the agents' port from the registry: may this secret join, and what is this certificate worth?

import type { NodeAuthority } from '../gateway/node-authority.ts';
import type { Registry } from './registry.ts';

export function createNodeAuthority(
  registry: Pick<Registry, 'joinNode' | 'joinTokens' | 'certificates'>,
): NodeAuthority {
  return {
    check(secret, node) {
      if (!registry.joinTokens.wasRedeemedBy(secret, node)) registry.joinTokens.check(secret);
    },
    async redeem(secret, node, certificate, keyHash) {
      registry.joinNode(secret, { name: node, certificate, keyHash });
    },
    async renew(node, by, certificate) {
      registry.certificates.renewed(node, by, certificate);
    },
    async standing(node, certificate) {
      return registry.certificates.use(node, certificate);
    },
  };
}
