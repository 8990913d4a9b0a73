// Changes to Apache's drop-ins: all that wait are written together, tested once, and followed by one graceful reload. What Apache refuses
// is undone; when several were written, each is then tried alone, so that one site's mistake is not another's. It knows no site.

import { stat } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { type FileContents, PluginError, readContents, writeContents } from 'treecast/plugin';
import type { ApacheFacts, ApacheProgram, Reloaded } from './apache-program.ts';
import { dropInMark } from './drop-in.ts';

export interface Applied {
  readonly result: Reloaded | 'unchanged';
  readonly facts: ApacheFacts;
}

export interface ChangeQueue {
  /** Resolves when Apache uses these contents, or has tested them while it does not run. */
  apply(files: FileContents, signal: AbortSignal): Promise<Applied>;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
}

interface Job {
  readonly files: FileContents;
  readonly signal: AbortSignal;
  resolve(applied: Applied): void;
  reject(error: unknown): void;
}

const fix = 'Let the agent’s user write there, or set another `includeDirectory`.';
const [collectMs, restoreLimitMs] = [50, 15_000];

export function createChangeQueue(
  apache: ApacheProgram,
  log: { warn(facts: Readonly<Record<string, unknown>>, message: string): void },
): ChangeQueue {
  const waiting: Job[] = [];
  let working: Promise<void> | null = null;

  async function work(): Promise<void> {
    // What is asked for in the same moment comes along.
    await wait(collectMs);
    while (waiting.length > 0) {
      const batch = waiting.splice(0);
      if (await settle(batch)) continue;
      for (const job of batch) await settle([job]);
    }
    working = null;
  }

  /** False when it failed and may be somebody else's fault: then nobody was answered. */
  async function settle(jobs: readonly Job[]): Promise<boolean> {
    try {
      const applied = await together(jobs);
      for (const { resolve } of jobs) resolve(applied);
      return true;
    } catch (error) {
      if (jobs.length > 1) return false;
      jobs[0]?.reject(error);
      return true;
    }
  }

  async function together(jobs: readonly Job[]): Promise<Applied> {
    const files = new Map(jobs.flatMap((job) => [...job.files]));
    const signal =
      jobs.length === 1 ? (jobs[0] as Job).signal : AbortSignal.any(jobs.map((job) => job.signal));
    if (signal.aborted)
      throw new PluginError('the hook was stopped before its turn came', {
        fix: 'Nothing: it is called again when it is due.',
      });
    const former = await readContents(files.keys(), fix);
    const differing = new Map([...files].filter(([path, text]) => former.get(path) !== text));
    for (const path of differing.keys()) refuseForeign(path, former.get(path) ?? null);
    const undo = new Map([...differing.keys()].map((path) => [path, former.get(path) ?? null]));
    let facts: ApacheFacts;
    try {
      await writeContents(differing, fix);
      facts = await apache.test(signal);
    } catch (error) {
      await writeContents(undo, fix);
      throw error;
    }
    if (differing.size === 0 && !(await isOwed(facts, files))) return { result: 'unchanged', facts };
    try {
      return { result: await apache.reload(facts, signal), facts };
    } catch (error) {
      await takeBack(undo);
      throw error;
    }
  }

  /** An earlier call was ended between writing and reloading: the file is younger than what Apache runs by. */
  async function isOwed(facts: ApacheFacts, files: FileContents): Promise<boolean> {
    const readAt = await apache.readAt(facts);
    if (readAt === null) return false;
    for (const path of files.keys()) {
      const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: 0 }));
      if (mtimeMs >= readAt) return true;
    }
    return false;
  }

  async function takeBack(undo: FileContents): Promise<void> {
    try {
      await writeContents(undo, fix);
      const limit = AbortSignal.timeout(restoreLimitMs);
      await apache.reload(await apache.test(limit), limit);
    } catch (error) {
      log.warn(
        { err: error },
        'the former configuration is back on disk; Apache could not be reloaded with it',
      );
    }
  }

  return {
    apply: (files, signal) =>
      new Promise((resolve, reject) => {
        waiting.push({ files, signal, resolve, reject });
        working ??= work();
      }),
    async settled() {
      while (working !== null) await working;
    },
  };
}

/** A file that Treecast did not write is the operator's. */
function refuseForeign(path: string, text: string | null): void {
  if (text === null || text.startsWith(dropInMark)) return;
  throw new PluginError(`${path} is there and was not written by Treecast`, {
    fix: 'Move it away, or set another `includeDirectory`.',
    retryable: false,
  });
}
