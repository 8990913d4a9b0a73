// Calls the plugin's hook, for tests of single cases.

import type { HookAnswer, SwitchEvent } from 'treecast/plugin';
import { startPlugin } from 'treecast/plugin/testing';
import { probe } from '../probe.ts';

export async function runProbe(
  config: Record<string, unknown>,
  event: SwitchEvent,
  signal?: AbortSignal,
): Promise<HookAnswer | undefined> {
  const started = await startPlugin(probe, { config });
  try {
    return (await started.call('probe', event, signal && { signal })) ?? undefined;
  } finally {
    await started.close();
  }
}
