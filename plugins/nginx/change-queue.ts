// Changes to nginx's files, one after another: written, tested, and undone when nginx refuses; then one reload for all that came in
// together. A crash in between leaves a marker, and the next change tests and reloads. It knows no directive and no site.

import { access, rm } from 'node:fs/promises';
import { type FileContents, readContents, replaceFile, writeContents } from 'treecast/plugin';
import { oneAtATime } from './one-at-a-time.ts';
import type { Reloaded } from './reload-nginx.ts';

export interface ChangeQueue {
  /** Resolves when nginx uses these contents. Where nothing differs nothing is called, unless `always` asks for a reload. */
  apply(files: FileContents, signal: AbortSignal, always?: boolean): Promise<Reloaded | 'unchanged'>;
  /** Would nginx accept them? Afterwards everything is as it was, and nothing was reloaded. */
  tryOut(files: FileContents, signal: AbortSignal): Promise<void>;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
}

export interface ChangeQueueOptions {
  /** What is changed: queues of the same name take turns, so that none is judged with another's candidate. */
  readonly name: string;
  /** A file that is there while a reload is owed. */
  readonly marker: string;
  test(signal: AbortSignal): Promise<void>;
  /** `secondsMin`: wait at least so long for it to take effect. */
  reload(signal: AbortSignal, secondsMin: number): Promise<Reloaded>;
  /** So long is waited for more before the first is carried out. Default 50. */
  readonly collectMs?: number;
}

interface Job {
  readonly kind: 'apply' | 'always' | 'try';
  readonly files: FileContents;
  readonly signal: AbortSignal;
  resolve(result: Reloaded | 'unchanged'): void;
  reject(error: unknown): void;
}

interface Written {
  readonly job: Job;
  readonly former: FileContents;
}

const fix = 'See that the agent may write there, or choose another `includeDirectory`.';
/** nginx that was refused a port tries for some seconds before it hears the next signal. */
const restoreSecondsMax = 10;

export function createChangeQueue({
  name,
  marker,
  test,
  reload,
  collectMs = 50,
}: ChangeQueueOptions): ChangeQueue {
  let waiting: Job[] = [];
  let working: Promise<void> | null = null;

  function add(kind: Job['kind'], files: FileContents, signal: AbortSignal): Promise<Reloaded | 'unchanged'> {
    return new Promise((resolve, reject) => {
      waiting.push({ kind, files, signal, resolve, reject });
      goOn();
    });
  }

  function goOn(): void {
    working ??= work().finally(() => {
      working = null;
      // Who was just answered may have asked for more already.
      if (waiting.length > 0) goOn();
    });
  }

  async function work(): Promise<void> {
    await new Promise((resolve) => {
      setTimeout(resolve, collectMs);
    });
    while (waiting.length > 0) await oneAtATime(name, workOff);
  }

  async function workOff(): Promise<void> {
    const batch = waiting;
    waiting = [];
    const written: Written[] = [];
    for (const job of batch) {
      try {
        const one = await carryOut(job);
        if (one) written.push(one);
      } catch (error) {
        job.reject(error);
      }
    }
    if (written.length > 0) await reloadFor(written);
  }

  /** Null when no reload is needed for it; then it has been answered. */
  async function carryOut(job: Job): Promise<Written | null> {
    job.signal.throwIfAborted();
    const former = await readContents(job.files.keys(), fix);
    const differs = [...job.files].some(([path, content]) => former.get(path) !== content);
    const owed = await isThere(marker);
    if (!differs && !owed && job.kind !== 'always') {
      job.resolve('unchanged');
      return null;
    }
    if (job.kind !== 'try') await replaceFile(marker, '', 0o600);
    try {
      if (differs) await writeContents(job.files, fix);
      await test(job.signal);
    } catch (error) {
      if (differs) await writeContents(former, fix);
      if (job.kind !== 'try' && !owed) await rm(marker, { force: true });
      throw error;
    }
    if (job.kind !== 'try') return { job, former };
    if (differs) await writeContents(former, fix);
    job.resolve('unchanged');
    return null;
  }

  async function reloadFor(written: readonly Written[]): Promise<void> {
    const stop = whenAllAbort(written.map(({ job }) => job.signal));
    try {
      const result = await reload(stop, 0);
      await rm(marker, { force: true });
      for (const { job } of written) job.resolve(result);
    } catch (error) {
      await undo(written, stop.aborted);
      for (const { job } of written) job.reject(error);
    }
  }

  /** nginx may have taken some of it: it is reloaded once more, and if that fails too the marker stays. */
  async function undo(written: readonly Written[], isStopped: boolean): Promise<void> {
    try {
      for (const { former } of [...written].reverse()) await writeContents(former, fix);
      // What hangs would hang again: the marker says that a reload is owed.
      if (isStopped) return;
      const limit = AbortSignal.timeout((restoreSecondsMax + 5) * 1000);
      await test(limit);
      await reload(limit, restoreSecondsMax);
      await rm(marker, { force: true });
    } catch {
      // The first error is the one to tell.
    }
  }

  return {
    apply: (files, signal, always = false) => add(always ? 'always' : 'apply', files, signal),
    tryOut: async (files, signal) => {
      await add('try', files, signal);
    },
    settled: async () => {
      while (working) await working;
    },
  };
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

/** One caller that gives up does not stop the reload that others wait for. */
function whenAllAbort(signals: readonly AbortSignal[]): AbortSignal {
  const all = new AbortController();
  const look = (): void => {
    if (signals.every((signal) => signal.aborted)) all.abort(signals[0]?.reason);
  };
  for (const signal of signals) signal.addEventListener('abort', look, { once: true });
  look();
  return all.signal;
}
