// Processes that a reload of HAProxy left behind: they take nothing new, but their sessions still use the servers, and the new
// process knows nothing of them. They are asked through the master's socket. Their proxies count as disabled, so neither statistics
// nor `shutdown sessions server` are to be had there: sessions are listed, and ended one by one.

import type { BalancedServer } from '../balancer-driver.ts';
import type { RuntimeApi } from './runtime-api.ts';

export interface OldProcesses {
  /** `backend/server` → sessions in all old processes. */
  sessions(signal: AbortSignal): Promise<ReadonlyMap<string, number>>;
  endSessions(servers: readonly BalancedServer[], signal: AbortSignal): Promise<void>;
}

interface OldSession {
  /** `0x55d2c8a3b2e0`: how HAProxy calls it in that process. */
  readonly id: string;
  readonly label: string;
}

export function createOldProcesses(master: RuntimeApi): OldProcesses {
  const pids = async (signal: AbortSignal): Promise<number[]> =>
    parseOldWorkers(await master('show proc', signal));

  async function sessionsOf(pid: number, signal: AbortSignal): Promise<readonly OldSession[]> {
    try {
      return parseSessions(await master(`@!${pid} show sess`, signal));
    } catch (error) {
      // It ended between the two questions: then it has no sessions.
      if ((await pids(signal)).includes(pid)) throw error;
      return [];
    }
  }

  return {
    async sessions(signal) {
      const total = new Map<string, number>();
      for (const pid of await pids(signal))
        for (const { label } of await sessionsOf(pid, signal)) total.set(label, (total.get(label) ?? 0) + 1);
      return total;
    },
    async endSessions(servers, signal) {
      const labels = new Set(servers.map(({ label }) => label));
      // It may have ended by itself: that is fine.
      for (const pid of await pids(signal))
        for (const { id, label } of await sessionsOf(pid, signal))
          if (labels.has(label))
            await master(`@!${pid} shutdown session ${id}`, signal).catch(() => undefined);
    },
  };
}

/** `show proc` of the master. */
export function parseOldWorkers(text: string): number[] {
  const from = text.indexOf('# old workers');
  if (from < 0) return [];
  const section = text.slice(from).split('\n').slice(1);
  const end = section.findIndex((line) => line.startsWith('#'));
  return section.slice(0, end < 0 ? undefined : end).flatMap((line) => {
    const pid = /^(\d+)\s+worker\b/.exec(line)?.[1];
    return pid === undefined ? [] : [Number(pid)];
  });
}

/** `show sess`: one line each, those without a server left out. */
export function parseSessions(text: string): OldSession[] {
  return text.split('\n').flatMap((line) => {
    const [, id, backend, server] = /^(0x[0-9a-f]+): .* be=(\S+) srv=(\S+) /.exec(line) ?? [];
    if (id === undefined || server === '<none>') return [];
    return [{ id, label: `${backend}/${server}` }];
  });
}
