// The keys of a `kind: envoy` balancer.

import { isIP } from 'node:net';
import { z } from 'treecast/plugin';
import { absolutePath, serverFileKeys } from '../server-file-keys.ts';
import { entriesOfNodes, serverAddress } from '../server-names.ts';

const ipAddress = serverAddress.refine(
  (text) => isIP(text.slice(0, text.lastIndexOf(':')).replace(/^\[|\]$/g, '')) !== 0,
  'is no IP address with a port: Envoy does not resolve names in endpoints',
);

export const envoyKeys = {
  kind: z.literal('envoy'),
  file: absolutePath
    .regex(/\.json$/, 'must end in .json: Envoy goes by the ending')
    .describe(
      'The plugin’s own file of endpoints, read by Envoy as `eds_config: {path_config_source: {path}}`.',
    ),
  cluster: z.string().min(1).max(200).describe('The cluster’s `service_name` in EDS, by default its name.'),
  ...serverFileKeys,
  servers: entriesOfNodes(ipAddress)
    .refine((servers) => Object.keys(servers).length > 0, 'has no server')
    .describe(
      'Node → its address there, `ip:port`, or a list of them. All endpoints of the cluster stand here.',
    ),
  admin: z
    .url({ protocol: /^https?$/ })
    .max(1000)
    .optional()
    .describe(
      'Envoy’s admin address, `http://127.0.0.1:9901`: then it is read back what Envoy has loaded, and requests are counted.',
    ),
} as const;
