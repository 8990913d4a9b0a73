// The plugin as the host sets it up, with a state directory of its own, and its hooks as a publish calls them.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContentEvent, HookAnswer, PluginParts } from 'treecast/plugin';
import { cachePurge } from '../cache-purge.ts';

export interface StartedPlugin {
  readonly stateDirectory: string;
  readonly warnings: readonly string[];
  invalidate(event: ContentEvent, signal?: AbortSignal): Promise<HookAnswer>;
  warm(event: ContentEvent, signal?: AbortSignal): Promise<HookAnswer>;
  close(): Promise<void>;
}

export async function startPlugin(
  config: Record<string, unknown>,
  options: { readonly stateDirectory?: string } = {},
): Promise<StartedPlugin> {
  const stateDirectory = options.stateDirectory ?? (await mkdtemp(join(tmpdir(), 'treecast-purge-')));
  const cleanups: (() => void | Promise<void>)[] = [];
  const warnings: string[] = [];
  const nothing = (): void => undefined;
  const log = {
    debug: nothing,
    info: nothing,
    error: nothing,
    warn: (_: unknown, message: string) => {
      warnings.push(message);
    },
  };
  const parts: PluginParts = await cachePurge.setup({
    config: cachePurge.configSchema.parse(config),
    place: 'ccm',
    instance: 'cache-purge',
    log,
    exec: () => Promise.reject(new Error('it calls no program')),
    stateDirectory,
    onCleanup: (clean) => cleanups.push(clean),
  });
  const call = (signal = AbortSignal.timeout(30_000)) => ({ signal, log, dryRun: false });
  await parts.validate?.(call());
  const { invalidate, warm } = parts.hooks;
  return {
    stateDirectory,
    warnings,
    invalidate: async (event, signal) => (await invalidate?.(event, call(signal))) ?? {},
    warm: async (event, signal) => (await warm?.(event, call(signal))) ?? {},
    async close() {
      for (const clean of cleanups.reverse()) await clean();
      if (options.stateDirectory === undefined) await rm(stateDirectory, { recursive: true, force: true });
    },
  };
}
