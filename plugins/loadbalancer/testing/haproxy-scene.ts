// Two nodes behind a real HAProxy, and the plugin that is told of it.

import { type Haproxy, type HaproxyOptions, startHaproxy } from './haproxy.ts';
import { type Origin, startOrigin } from './origin.ts';
import { type StartedPlugin, startPlugin } from './start-plugin.ts';

export interface HaproxyScene {
  readonly haproxy: Haproxy;
  readonly origins: readonly [Origin, Origin];
  readonly plugin: StartedPlugin;
}

export interface HaproxySceneOptions {
  readonly haproxy?: Partial<HaproxyOptions>;
  readonly balancer?: Record<string, unknown>;
  readonly withMaster?: boolean;
}

export async function haproxyScene(
  { haproxy: options = {}, balancer = {}, withMaster = false }: HaproxySceneOptions,
  use: (scene: HaproxyScene) => Promise<void>,
): Promise<void> {
  const origins = [await startOrigin('web1'), await startOrigin('web2')] as const;
  const haproxy = await startHaproxy({ servers: origins, ...options });
  const plugin = await startPlugin([
    {
      name: 'edge',
      kind: 'haproxy',
      sockets: [withMaster ? { socket: haproxy.socket, master: haproxy.master } : haproxy.socket],
      backends: ['app', 'static'],
      ...balancer,
    },
  ]);
  try {
    await use({ haproxy, origins, plugin });
  } finally {
    await plugin.close();
    await haproxy.close();
    for (const origin of origins) await origin.close();
  }
}
