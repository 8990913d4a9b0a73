// Calls the plugin's hook as the host would, for tests of single cases.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Exec, type HookAnswer, PluginError, type SwitchEvent } from 'treecast/plugin';
import { probe } from '../probe.ts';

const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };

export async function runProbe(
  config: unknown,
  event: SwitchEvent,
  signal: AbortSignal = AbortSignal.timeout(60_000),
): Promise<HookAnswer | undefined> {
  const stateDirectory = mkdtempSync(join(tmpdir(), 'treecast-probe-'));
  try {
    const { hooks } = await probe.setup({
      config: probe.configSchema.parse(config),
      place: 'agent',
      instance: 'probe',
      log,
      exec,
      stateDirectory,
      onCleanup: nothing,
    });
    return (await hooks.probe?.(event, { signal, log, dryRun: false })) ?? undefined;
  } finally {
    rmSync(stateDirectory, { recursive: true });
  }
}

const exec: Exec = (program, args, options = {}) =>
  new Promise((resolve, reject) => {
    const limits = {
      timeout: options.timeoutMs ?? 30_000,
      ...(options.signal && { signal: options.signal }),
    };
    execFile(program, args, limits, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === 'number') resolve({ code, stdout, stderr, truncated: false });
      else reject(new PluginError(`${program} took too long`));
    });
  });

function nothing(): void {}
