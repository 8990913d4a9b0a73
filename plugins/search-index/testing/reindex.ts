// The plugin with secrets in files, for tests of single cases.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ContentEvent, type HookAnswer, PluginError } from 'treecast/plugin';
import { secretFile, startPlugin } from 'treecast/plugin/testing';
import { searchIndex } from '../search-index.ts';

export interface StartedSearchIndex {
  reindex(event: ContentEvent, timeoutMs?: number): Promise<HookAnswer | undefined>;
  failure(event: ContentEvent, timeoutMs?: number): Promise<PluginError>;
  readonly warnings: readonly string[];
  close(): Promise<void>;
}

export const origin = 'https://docs.example.org';
export async function startSearchIndex(
  config: (secret: (value: string) => { readonly file: string }) => Record<string, unknown>,
): Promise<StartedSearchIndex> {
  const directory = await mkdtemp(join(tmpdir(), 'treecast-search-index-'));
  const given = { urlMap: { origins: [origin] }, ...config((value) => secretFile(directory, value)) };
  const started = await startPlugin(searchIndex, { config: given, stateDirectory: directory });
  async function reindex(event: ContentEvent, timeoutMs = 20_000): Promise<HookAnswer | undefined> {
    return (await started.call('reindex', event, { signal: AbortSignal.timeout(timeoutMs) })) ?? undefined;
  }
  return {
    reindex,
    async failure(event, timeoutMs) {
      const error: unknown = await reindex(event, timeoutMs).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      if (error instanceof PluginError && error.fix !== undefined) return error;
      throw new Error(`no failure with a fix: ${String(error)}`);
    },
    get warnings() {
      return started.warnings;
    },
    async close() {
      await started.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
