// The entries of nodes at a balancer that is not asked which servers it has: as the configuration says, else the node's own name.

import type { BalancedNode } from 'treecast/plugin';
import type { BalancedServer } from './balancer-driver.ts';

export interface NamedServer extends BalancedServer {
  readonly server: string;
}

/** With a map, a node that it lacks is not on this balancer; without one, every node is, by its own name. */
export function namedServers(
  nodes: readonly BalancedNode[],
  map: Readonly<Record<string, readonly string[]>>,
): readonly NamedServer[] {
  const everyNode = Object.keys(map).length === 0;
  return nodes.flatMap(({ name }) => {
    const names = Object.hasOwn(map, name) ? (map[name] ?? []) : everyNode ? [name] : [];
    return names.map((server) => ({
      node: name,
      server,
      label: server === name ? name : `${name} (${server})`,
    }));
  });
}
