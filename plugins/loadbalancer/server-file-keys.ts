// Keys of balancers that are set by a file of ours, and the list of servers that they make.

import { z } from 'treecast/plugin';
import type { FileMember } from './server-file-driver.ts';
import { entriesOfNodes, nodeName, serverAddress } from './server-names.ts';

export const absolutePath = z
  .string()
  .max(4000)
  .regex(/^\/[^\0\r\n]*$/, 'must be an absolute path');

export const serverFileKeys = {
  servers: entriesOfNodes(serverAddress)
    .refine((servers) => Object.keys(servers).length > 0, 'has no server')
    .describe(
      'Node → its address there, `host:port`, or a list of them. All servers of the file stand here.',
    ),
  weight: z.int().min(1).max(1000).default(100).describe('The usual weight of every server.'),
  weights: z
    .record(nodeName, z.int().min(1).max(1000))
    .default({})
    .describe('Usual weights of single nodes.'),
} as const;

export function membersOf({
  servers,
  weight,
  weights,
}: {
  readonly servers: Readonly<Record<string, readonly string[]>>;
  readonly weight: number;
  readonly weights: Readonly<Record<string, number>>;
}): readonly FileMember[] {
  return Object.entries(servers).flatMap(([node, addresses]) =>
    addresses.map((address) => ({
      node,
      label: `${node} (${address})`,
      address,
      usualWeight: (Object.hasOwn(weights, node) ? weights[node] : undefined) ?? weight,
    })),
  );
}
