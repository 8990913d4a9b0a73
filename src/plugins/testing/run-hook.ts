// One hook of one plugin, called as the host calls it: configuration decoded, set up, run, taken down.

import type { PluginDefinition } from '../api/define-plugin.ts';
import type { HookName } from '../api/hook-table.ts';
import type { HookEvent } from '../api/hooks.ts';
import type { HookRun } from '../host/plugin-set.ts';
import { startPlugin } from './start-plugin.ts';

/** Throws PLUGIN_INVALID for a wrong configuration; what the hook throws is in the answer's `error`. */
export async function runHook<H extends HookName>(
  plugin: PluginDefinition,
  config: Record<string, unknown>,
  hook: H,
  event: HookEvent<H>,
): Promise<HookRun<H>> {
  const started = await startPlugin(plugin, { config });
  try {
    return await started.run(hook, event);
  } finally {
    await started.close();
  }
}
