// The plugin beside a real nginx, for tests that call its hooks one by one.

import { join } from 'node:path';
import { type StartedPlugin, startPlugin as start } from 'treecast/plugin/testing';
import { nginx } from '../nginx.ts';
import type { RealNginx } from './real-nginx.ts';

/** `instance` names its state directory: the same name is the same instance, started again. */
export function startPlugin(
  real: RealNginx,
  config: Record<string, unknown> = {},
  instance = 'nginx',
): Promise<StartedPlugin> {
  const { mainConfiguration, includeDirectory } = real;
  return start(nginx, {
    config: { mainConfiguration, includeDirectory, ...config },
    stateDirectory: join(real.prefix, 'state'),
    instance,
  });
}
