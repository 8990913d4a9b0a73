// The plugin and its hooks as a publish calls them.

import type { ContentEvent, HookAnswer } from 'treecast/plugin';
import { startPlugin as start } from 'treecast/plugin/testing';
import { cachePurge } from '../cache-purge.ts';

export interface StartedPlugin {
  /** For `options` of another start, which finds what this one owes. */
  readonly stateDirectory: string;
  readonly warnings: readonly string[];
  invalidate(event: ContentEvent, signal?: AbortSignal): Promise<HookAnswer>;
  warm(event: ContentEvent, signal?: AbortSignal): Promise<HookAnswer>;
  close(): Promise<void>;
}

/** Throws what `validate` throws, as it is. */
export async function startPlugin(
  config: Record<string, unknown>,
  options: { readonly stateDirectory?: string } = {},
): Promise<StartedPlugin> {
  const started = await start(cachePurge, { config, validateAtStart: false, ...options });
  try {
    await started.validate();
  } catch (error) {
    await started.close();
    throw error;
  }
  return {
    stateDirectory: started.stateDirectory,
    get warnings() {
      return started.warnings;
    },
    invalidate: async (event, signal) =>
      (await started.call('invalidate', event, signal && { signal })) ?? {},
    warm: async (event, signal) => (await started.call('warm', event, signal && { signal })) ?? {},
    close: started.close,
  };
}
