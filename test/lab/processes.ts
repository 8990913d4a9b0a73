// Keeps track of started processes: waits for what they say, and ends all of them.

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface Processes {
  add(child: ChildProcess): ChildProcess;
  /** SIGTERM to all, SIGKILL to those that stay; resolves when all are gone. */
  end(): Promise<void>;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const graceMs = 10_000;

/** At once when it has ended already. */
export async function endOf(child: ChildProcess): Promise<ProcessEnd> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return { code: child.exitCode, signal: child.signalCode };
}

export function createProcesses(): Processes {
  const children: ChildProcess[] = [];
  return {
    add(child) {
      children.push(child);
      return child;
    },
    async end() {
      const running = children.filter((child) => child.exitCode === null && child.signalCode === null);
      const gone = running.map((child) => once(child, 'exit'));
      for (const child of running) child.kill('SIGTERM');
      const timer = setTimeout(() => {
        for (const child of running) child.kill('SIGKILL');
      }, graceMs);
      await Promise.all(gone);
      clearTimeout(timer);
    },
  };
}

/** The first line that fits, of stdout or else stderr; throws when the process ends before it. What follows is read and dropped. */
export function lineFrom(child: ChildProcess, fits: (line: string) => boolean): Promise<string> {
  const input = child.stdout ?? child.stderr;
  if (input === null) throw new Error(`${child.spawnfile} was started without a pipe`);
  return new Promise((resolve, reject) => {
    const seen: string[] = [];
    createInterface({ input }).on('line', (line) => {
      if (fits(line)) resolve(line);
      else seen.splice(0, Math.max(0, seen.push(line) - 10));
    });
    child.on('error', reject);
    child.on('close', (code) =>
      reject(
        new Error(`${child.spawnargs.join(' ')} ended (${code}) before it was ready: ${seen.join(' | ')}`),
      ),
    );
  });
}
