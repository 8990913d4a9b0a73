// One hook of one plugin, called as the host calls it: configuration decoded, set up, run, taken down.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PluginDefinition } from '../api/define-plugin.ts';
import type { HookName, PluginPlace } from '../api/hook-table.ts';
import type { HookEvent } from '../api/hooks.ts';
import { createPluginSet } from '../host/create-plugin-set.ts';
import { pluginEntrySchema } from '../host/plugin-entry.ts';
import type { HookRun } from '../host/plugin-set.ts';

/** Throws PLUGIN_INVALID for a wrong configuration; what the hook throws is in the answer's `error`. */
export async function runHook<H extends HookName>(
  plugin: PluginDefinition,
  config: Record<string, unknown>,
  hook: H,
  event: HookEvent<H>,
): Promise<HookRun<H>> {
  const stateDirectory = await mkdtemp(join(tmpdir(), 'treecast-hook-'));
  const ignore = (): void => undefined;
  const set = await createPluginSet({
    entries: [pluginEntrySchema.parse({ use: plugin.name, config })],
    place: plugin.places[0] as PluginPlace,
    base: stateDirectory,
    stateDirectory,
    log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    load: () => Promise.resolve(plugin),
  });
  try {
    const [run] = await set.run(hook, event, { site: (event as { readonly site: string }).site });
    if (run === undefined) throw new Error(`the plugin ${plugin.name} has no hook ${hook}`);
    return run;
  } finally {
    await set.close();
    await rm(stateDirectory, { recursive: true, force: true });
  }
}
