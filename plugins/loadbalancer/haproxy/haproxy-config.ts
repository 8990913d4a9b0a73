// The keys of a `kind: haproxy` balancer.

import { z } from 'treecast/plugin';
import { nodeName, proxyName, serverAddress } from '../server-names.ts';

const socketAddress = z.union([
  z
    .string()
    .startsWith('/', 'must be an absolute path or host:port')
    .max(107, 'is longer than the path of a socket may be'),
  serverAddress,
]);

const names = z.union([proxyName.transform((one) => [one]), z.array(proxyName).max(100)]);

export const haproxyKeys = {
  kind: z.literal('haproxy'),
  sockets: z
    .array(
      z.union([
        socketAddress.transform((socket) => ({ socket, master: undefined })),
        z.strictObject({
          socket: socketAddress.describe('The stats socket (`stats socket … level admin`).'),
          master: socketAddress
            .optional()
            .describe(
              'The master’s socket (`haproxy -W -S`): then sessions in processes that a reload left behind count too.',
            ),
        }),
      ]),
    )
    .min(1)
    .max(32)
    .describe(
      'The stats socket of each HAProxy process: a path or host:port. All of them have the same backends.',
    ),
  backends: z.array(proxyName).min(1).max(100).describe('The backends in which nodes are taken out.'),
  servers: z
    .record(nodeName, z.union([names, z.record(proxyName, names)]))
    .default({})
    .describe(
      'What a node is called there when not by its own name: a name, several, or names by backend; `[]` when it is not there.',
    ),
  rest: z
    .enum(['drain', 'maint'])
    .default('drain')
    .describe(
      'The state of a server whose sessions have ended: `drain` keeps its health checks running, `maint` also refuses persistent sessions.',
    ),
} as const;

export type HaproxyNames = Readonly<
  Record<string, readonly string[] | Readonly<Record<string, readonly string[]>>>
>;

export interface HaproxyConfig {
  readonly backends: readonly string[];
  readonly servers: HaproxyNames;
  readonly rest: 'drain' | 'maint';
}
