// Starts one plugin as the host starts it, for a plugin's own tests: configuration decoded, programs real, hooks called with their limits.
// It judges nothing; the conformance suite does.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PluginDefinition } from '../api/define-plugin.ts';
import type { HookName, PluginPlace } from '../api/hook-table.ts';
import type { HookEvent } from '../api/hooks.ts';
import type { PluginLog } from '../api/plugin-host.ts';
import { createPluginSet } from '../host/create-plugin-set.ts';
import { pluginEntrySchema } from '../host/plugin-entry.ts';
import type { HookRun } from '../host/plugin-set.ts';

export interface StartPluginOptions {
  readonly config?: Record<string, unknown>;
  /** Seconds, by hook, as in the configuration. */
  readonly timeouts?: Partial<Record<HookName, number>>;
  /** Kept when given: what a second start finds. Otherwise made, and removed by `close`. */
  readonly stateDirectory?: string;
  /** The first of the plugin's places otherwise. */
  readonly place?: PluginPlace;
}

export interface LoggedLine {
  readonly level: keyof PluginLog;
  readonly message: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface StartedPlugin {
  /** What the plugin's `stateDirectory` lies in. */
  readonly stateDirectory: string;
  readonly logged: readonly LoggedLine[];
  /** Never throws when the hook fails: see `error`. */
  run<H extends HookName>(
    hook: H,
    event: HookEvent<H>,
    options?: { readonly dryRun?: boolean; readonly signal?: AbortSignal },
  ): Promise<HookRun<H>>;
  close(): Promise<void>;
}

/** Throws PLUGIN_INVALID with every problem, as at the start of an agent. */
export async function startPlugin(
  plugin: PluginDefinition,
  options: StartPluginOptions = {},
): Promise<StartedPlugin> {
  const stateDirectory = options.stateDirectory ?? (await mkdtemp(join(tmpdir(), 'treecast-plugin-state-')));
  const logged: LoggedLine[] = [];
  const write =
    (level: keyof PluginLog) =>
    (facts: Readonly<Record<string, unknown>>, message: string): void => {
      logged.push({ level, message, facts });
    };
  const set = await createPluginSet({
    entries: [
      pluginEntrySchema.parse({
        use: plugin.name,
        config: options.config ?? {},
        timeouts: options.timeouts ?? {},
      }),
    ],
    place: options.place ?? (plugin.places[0] as PluginPlace),
    base: stateDirectory,
    stateDirectory,
    log: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
    load: () => Promise.resolve(plugin),
  });
  return {
    stateDirectory,
    logged,
    async run(hook, event, run = {}) {
      const [only] = await set.run(hook, event, { site: (event as { readonly site: string }).site, ...run });
      if (only === undefined) throw new Error(`the plugin ${plugin.name} was not called for ${hook}`);
      return only;
    },
    async close() {
      await set.close();
      if (options.stateDirectory === undefined) await rm(stateDirectory, { recursive: true, force: true });
    },
  };
}
