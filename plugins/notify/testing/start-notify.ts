// The plugin set up as the host would, with secrets in files, for tests of single cases; and an event to tell.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HookAnswer, NotifyEvent } from 'treecast/plugin';
import { notify } from '../notify.ts';

export interface StartedNotify {
  readonly stateDirectory: string;
  tell(event: NotifyEvent): Promise<HookAnswer | undefined>;
  /** As after a restart of the CCM. */
  restart(): Promise<void>;
  /** A secret's value in a file that only the owner reads. */
  secret(value: string): Promise<{ file: string }>;
  close(): Promise<void>;
}

const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };

export async function startNotify(
  targets: (secret: StartedNotify['secret']) => Promise<readonly unknown[]>,
): Promise<StartedNotify> {
  const stateDirectory = await mkdtemp(join(tmpdir(), 'treecast-notify-'));
  let secrets = 0;
  const secret = async (value: string): Promise<{ file: string }> => {
    secrets += 1;
    const file = join(stateDirectory, `secret-${secrets}`);
    await writeFile(file, `${value}\n`, { mode: 0o600 });
    return { file };
  };
  const config = { targets: await targets(secret) };
  const setUp = async () =>
    notify.setup({
      config: notify.configSchema.parse(config),
      place: 'ccm',
      instance: 'notify',
      log,
      exec: () => Promise.reject(new Error('it calls no program')),
      stateDirectory,
      onCleanup: nothing,
    });
  let parts = await setUp();
  return {
    stateDirectory,
    secret,
    async tell(event) {
      const signal = AbortSignal.timeout(20_000);
      return (await parts.hooks.notify?.(event, { signal, log, dryRun: false })) ?? undefined;
    },
    async restart() {
      parts = await setUp();
    },
    close: () => rm(stateDirectory, { recursive: true, force: true }),
  };
}

export function notifyEvent(over: Partial<NotifyEvent> = {}): NotifyEvent {
  const phase = over.phase ?? 'live';
  return {
    site: 'docs',
    job: 'j0000000001',
    type: 'publish',
    phase,
    commit: 'c'.repeat(40),
    release: '1-0042',
    requestedBy: 'ann@example.org',
    nodes: { total: 3, live: phase === 'live' ? 3 : 0, failed: [] },
    text: `docs ${phase}`,
    at: 1_700_000_000_000,
    durationMs: phase === 'started' ? null : 4200,
    ...over,
  };
}

function nothing(): void {}
