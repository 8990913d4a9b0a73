// For tests: plugins on a CCM whose hooks do what the test says.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { z } from 'zod';
import { definePlugin } from '../../../plugins/api/define-plugin.ts';
import type { Hooks } from '../../../plugins/api/hooks.ts';
import { createPluginSet } from '../../../plugins/host/create-plugin-set.ts';
import { pluginEntriesSchema } from '../../../plugins/host/plugin-entry.ts';
import type { PluginSet } from '../../../plugins/host/plugin-set.ts';

/** A real host around plugins named by the keys. */
export async function pluginsWith(hooksByName: Readonly<Record<string, Hooks>>): Promise<PluginSet> {
  const directory = mkdtempSync(join(tmpdir(), 'treecast-ccm-plugins-'));
  const ignore = (): void => undefined;
  const set = await createPluginSet({
    entries: pluginEntriesSchema.parse(Object.keys(hooksByName).map((use) => ({ use }))),
    place: 'ccm',
    base: directory,
    stateDirectory: directory,
    log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    load: async (name) =>
      definePlugin({
        name,
        summary: 'a test',
        places: ['ccm'],
        configSchema: z.strictObject({}),
        setup: () => ({ hooks: hooksByName[name] ?? {} }),
      }),
  });
  after(async () => {
    await set.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return set;
}
