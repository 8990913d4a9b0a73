// Envoy as a balancer: our file of endpoints, replaced by rename as Envoy's watch needs; with its admin address also what it made of it.

import { setTimeout as pause } from 'node:timers/promises';
import { PluginError } from 'treecast/plugin';
import type { BalancerDriver } from '../balancer-driver.ts';
import { createServerFileDriver, type FileMember } from '../server-file-driver.ts';
import { membersOf } from '../server-file-keys.ts';
import { parseEndpoints, renderEndpoints } from './endpoints-file.ts';
import { readEnvoyCluster } from './envoy-admin.ts';

export interface EnvoyConfig {
  readonly name: string;
  readonly file: string;
  readonly cluster: string;
  readonly servers: Readonly<Record<string, readonly string[]>>;
  readonly weight: number;
  readonly weights: Readonly<Record<string, number>>;
  readonly admin?: string | undefined;
}

const loadedWithinMs = 5_000;
const pollMs = 50;

export function createEnvoyDriver(
  config: EnvoyConfig,
  { stateDirectory }: { readonly stateDirectory: string },
): BalancerDriver<FileMember> {
  const { name, file, cluster, admin } = config;
  const members = membersOf(config);
  let wanted: ReadonlyMap<string, boolean> = new Map();

  return createServerFileDriver({
    name,
    file,
    members,
    stateDirectory,
    kind: {
      render(servers) {
        wanted = new Map(servers.map(({ address, out }) => [address, out]));
        return renderEndpoints(servers, cluster);
      },
      parse: parseEndpoints,
      async load(signal) {
        if (admin === undefined) return;
        const deadline = performance.now() + loadedWithinMs;
        for (;;) {
          const endpoints = await readEnvoyCluster(admin, cluster, signal);
          if ([...wanted].every(([address, out]) => (endpoints.get(address)?.draining ?? true) === out))
            return;
          if (performance.now() >= deadline || signal.aborted)
            throw new PluginError(`Envoy did not load ${file} within ${loadedWithinMs / 1000} s`, {
              fix: 'Look whether its cluster reads this file (`path_config_source`) and at its log.',
            });
          await pause(pollMs, undefined, { signal }).catch(() => undefined);
        }
      },
      async reality(signal) {
        const endpoints = admin === undefined ? null : await readEnvoyCluster(admin, cluster, signal);
        return {
          sessions: (address) => (endpoints === null ? null : (endpoints.get(address)?.active ?? 0)),
          isOut: (address) => (endpoints === null ? null : (endpoints.get(address)?.draining ?? true)),
          trouble: (address) => endpoints?.get(address)?.trouble ?? null,
        };
      },
      force: () =>
        Promise.reject(
          new PluginError('Envoy cannot end the requests of one endpoint', {
            fix: 'Set `drain.afterwards: hold` for this balancer, or a longer `drain.waitSeconds`.',
            retryable: false,
          }),
        ),
      async validate(signal) {
        if (admin !== undefined) await readEnvoyCluster(admin, cluster, signal);
      },
      noWeightZero: 'Envoy has no weight 0: it became 1; drain the node instead',
    },
  });
}
