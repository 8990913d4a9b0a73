// Envoy's endpoint discovery as a file: a DiscoveryResponse with one ClusterLoadAssignment. Its version is the digest of the rest, so a
// file that somebody else edited is noticed. Fields are those of envoy/config/endpoint/v3.

import { z } from 'treecast/plugin';
import { digest, type FileServer } from '../server-file-driver.ts';
import { portOf } from '../server-names.ts';

const typeUrl = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';

export function renderEndpoints(servers: readonly FileServer[], cluster: string): string {
  const resources = [
    {
      '@type': typeUrl,
      cluster_name: cluster,
      endpoints: [
        {
          lb_endpoints: servers.map(({ address, out, weight }) => ({
            endpoint: {
              address: { socket_address: { address: hostOf(address), port_value: portOf(address) } },
            },
            health_status: out ? 'DRAINING' : 'HEALTHY',
            load_balancing_weight: weight,
          })),
        },
      ],
    },
  ];
  const version = `treecast-${digest(JSON.stringify(resources))}`;
  return `${JSON.stringify({ version_info: version, resources }, null, 2)}\n`;
}

const fileSchema = z.strictObject({
  version_info: z.string(),
  resources: z.tuple([
    z.strictObject({
      '@type': z.literal(typeUrl),
      cluster_name: z.string(),
      endpoints: z.tuple([
        z.strictObject({
          lb_endpoints: z.array(
            z.strictObject({
              endpoint: z.strictObject({
                address: z.strictObject({
                  socket_address: z.strictObject({ address: z.string(), port_value: z.int() }),
                }),
              }),
              health_status: z.enum(['HEALTHY', 'DRAINING']),
              load_balancing_weight: z.int(),
            }),
          ),
        }),
      ]),
    }),
  ]),
});

export function parseEndpoints(text: string): readonly FileServer[] | undefined {
  const file = fileSchema.safeParse(parseJson(text));
  if (!file.success) return undefined;
  const { version_info, resources } = file.data;
  if (version_info !== `treecast-${digest(JSON.stringify(resources))}`) return undefined;
  return resources[0].endpoints[0].lb_endpoints.map(({ endpoint, health_status, load_balancing_weight }) => {
    const { address, port_value } = endpoint.address.socket_address;
    return {
      address: addressOf(address, port_value),
      out: health_status === 'DRAINING',
      weight: load_balancing_weight,
    };
  });
}

export function addressOf(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, '');
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
