// The plugin with secrets in files, for tests of single cases; and an event to tell.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HookAnswer, NotifyEvent } from 'treecast/plugin';
import { notifyEvent as anyNotifyEvent, secretFile, startPlugin } from 'treecast/plugin/testing';
import { notify } from '../notify.ts';

export interface StartedNotify {
  readonly stateDirectory: string;
  tell(event: NotifyEvent): Promise<HookAnswer | undefined>;
  /** As after a restart of the CCM. */
  restart(): Promise<void>;
  /** A secret's value in a file that only the owner reads. */
  secret(value: string): { readonly file: string };
  close(): Promise<void>;
}

export async function startNotify(
  targets: (secret: StartedNotify['secret']) => readonly unknown[],
): Promise<StartedNotify> {
  const directory = await mkdtemp(join(tmpdir(), 'treecast-notify-'));
  const secret: StartedNotify['secret'] = (value) => secretFile(directory, value);
  const config = { targets: targets(secret) };
  const start = () => startPlugin(notify, { config, stateDirectory: directory });
  let started = await start();
  return {
    stateDirectory: started.ownDirectory,
    secret,
    async tell(event) {
      return (await started.call('notify', event)) ?? undefined;
    },
    async restart() {
      await started.close();
      started = await start();
    },
    async close() {
      await started.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export function notifyEvent(over: Partial<NotifyEvent> = {}): NotifyEvent {
  const phase = over.phase ?? 'live';
  return anyNotifyEvent({
    phase,
    release: '1-0042',
    requestedBy: 'ann@example.org',
    nodes: { total: 3, live: phase === 'live' ? 3 : 0, failed: [] },
    text: `docs ${phase}`,
    durationMs: phase === 'started' ? null : 4200,
    ...over,
  });
}
