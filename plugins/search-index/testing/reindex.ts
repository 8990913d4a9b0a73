// The plugin set up as the host would, with secrets in files, for tests of single cases.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ContentEvent, type HookAnswer, PluginError } from 'treecast/plugin';
import { searchIndex } from '../search-index.ts';

export interface StartedSearchIndex {
  reindex(event: ContentEvent, timeoutMs?: number): Promise<HookAnswer | undefined>;
  failure(event: ContentEvent, timeoutMs?: number): Promise<PluginError>;
  readonly warnings: string[];
  close(): void;
}

export const origin = 'https://docs.example.org';
export const secretOf = (directory: string, value: string): { readonly file: string } => {
  const file = join(directory, `secret-${Buffer.from(value).toString('hex').slice(0, 40)}`);
  writeFileSync(file, value, { mode: 0o600 });
  return { file };
};

export async function startSearchIndex(
  config: (secret: (value: string) => { readonly file: string }) => Record<string, unknown>,
): Promise<StartedSearchIndex> {
  const stateDirectory = mkdtempSync(join(tmpdir(), 'treecast-search-index-'));
  const warnings: string[] = [];
  const log = {
    debug: nothing,
    info: nothing,
    error: nothing,
    warn: (_: unknown, text: string) => void warnings.push(text),
  };
  const given = { urlMap: { origins: [origin] }, ...config((value) => secretOf(stateDirectory, value)) };
  const { hooks } = await searchIndex.setup({
    config: searchIndex.configSchema.parse(given),
    place: 'ccm',
    instance: 'search-index',
    log,
    exec: () => Promise.reject(new Error('it calls no program')),
    stateDirectory,
    onCleanup: nothing,
  });
  async function reindex(event: ContentEvent, timeoutMs = 20_000): Promise<HookAnswer | undefined> {
    const signal = AbortSignal.timeout(timeoutMs);
    return (await hooks.reindex?.(event, { signal, log, dryRun: false })) ?? undefined;
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
    warnings,
    close: () => rmSync(stateDirectory, { recursive: true }),
  };
}

function nothing(): void {}
