// What Envoy says of the endpoints of one cluster: `GET /clusters?format=json` of its admin interface.

import { PluginError, z } from 'treecast/plugin';
import { requestText } from '../http/request-text.ts';
import { addressOf, parseJson } from './endpoints-file.ts';

export interface EnvoyEndpoint {
  readonly draining: boolean;
  readonly active: number;
  readonly trouble: string | null;
}

const clustersSchema = z.object({
  cluster_statuses: z
    .array(
      z.object({
        name: z.string().default(''),
        host_statuses: z
          .array(
            z.object({
              address: z.object({
                socket_address: z.object({ address: z.string(), port_value: z.int() }).optional(),
              }),
              // Protobuf's JSON leaves out what is zero, and writes 64-bit numbers as text.
              stats: z
                .array(z.object({ name: z.string(), value: z.union([z.string(), z.number()]).default('0') }))
                .default([]),
              health_status: z
                .object({
                  eds_health_status: z.string().default('UNKNOWN'),
                  failed_active_health_check: z.boolean().default(false),
                  failed_outlier_check: z.boolean().default(false),
                })
                .prefault({}),
            }),
          )
          .default([]),
      }),
    )
    .default([]),
});

export async function readEnvoyCluster(
  admin: string,
  cluster: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, EnvoyEndpoint>> {
  const url = `${admin.replace(/\/$/, '')}/clusters?format=json`;
  const { text } = await requestText({ method: 'GET', url, headers: {} }, signal);
  const answer = clustersSchema.safeParse(parseJson(text));
  if (!answer.success)
    throw new PluginError(`${url} answered no list of clusters`, {
      fix: 'Let `admin` be the address of Envoy’s admin interface.',
    });
  const found = answer.data.cluster_statuses.find(({ name }) => name === cluster);
  if (found === undefined)
    throw new PluginError(`Envoy has no cluster ${cluster}`, {
      fix: 'Let the cluster in Envoy’s configuration and `cluster` have one name.',
    });
  return new Map(
    found.host_statuses.flatMap(({ address, stats, health_status: health }) => {
      if (address.socket_address === undefined) return [];
      const active = Number(stats.find(({ name }) => name === 'rq_active')?.value ?? 0);
      const trouble = health.failed_active_health_check
        ? 'its health check fails'
        : health.failed_outlier_check
          ? 'Envoy ejected it as an outlier'
          : null;
      const endpoint = { draining: health.eds_health_status === 'DRAINING', active, trouble };
      return [
        [addressOf(address.socket_address.address, address.socket_address.port_value), endpoint] as const,
      ];
    }),
  );
}
