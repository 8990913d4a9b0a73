// From a balancer's configuration to what speaks to it: one driver, or one for each HAProxy process.

import type { Exec } from 'treecast/plugin';
import type { BalancerConfig } from './balancer-config.ts';
import type { BalancerDriver } from './balancer-driver.ts';
import { createCommandDriver } from './command/command-driver.ts';
import { createEnvoyDriver } from './envoy/envoy-driver.ts';
import { createHaproxyDriver } from './haproxy/haproxy-driver.ts';
import { createHttpDriver } from './http/http-driver.ts';
import { createNginxDriver } from './nginx/nginx-driver.ts';

export interface DriverSurroundings {
  readonly exec: Exec;
  readonly stateDirectory: string;
}

export function createDrivers(
  config: BalancerConfig,
  { exec, stateDirectory }: DriverSurroundings,
): readonly BalancerDriver[] {
  switch (config.kind) {
    case 'haproxy':
      return config.sockets.map((at) =>
        createHaproxyDriver(
          config.sockets.length === 1 ? config.name : `${config.name} (${at.socket})`,
          at,
          config,
        ),
      );
    case 'nginx':
      return [createNginxDriver(config, { exec, stateDirectory })];
    case 'envoy':
      return [createEnvoyDriver(config, { stateDirectory })];
    case 'http':
      return [createHttpDriver(config)];
    case 'command':
      return [createCommandDriver(config, { exec })];
  }
}
