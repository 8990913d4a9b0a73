// Replaces files outside the trees as a whole act: the new bytes, then what follows them (a restart, a reload); when that fails the former
// file comes back and what follows is done again. Survives being killed at any moment. What follows is the plugin's to decide.

import { constants, type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PluginError } from '../api/plugin-error.ts';
import type { PluginLog } from '../api/plugin-host.ts';
import {
  copyBytes,
  type Destination,
  type FileAttributes,
  type FileFacts,
  factsOf,
  openDestination,
} from './destination.ts';
import { createGuardJournal, type GuardEntry } from './guard-journal.ts';

export interface Activation<A> {
  /** What the plugin gave to `put`. */
  readonly what: A;
  /** Real path of the file. */
  readonly path: string;
  /** False: the file was new and has been removed again. */
  readonly present: boolean;
  /** The former file is back. */
  readonly restored: boolean;
  /** Undefined while restoring, which goes on after a hook's time is over. */
  readonly signal: AbortSignal | undefined;
}

export interface GuardedFilesOptions<A> {
  readonly stateDirectory: string;
  /** Globs of absolute paths; a file is put nowhere else. */
  readonly allow: readonly string[];
  readonly log: PluginLog;
  /** Reads `what` back after a restart of the agent. Throws when it is not understood. */
  readonly decode: (what: unknown) => A;
  /** Makes the file count. Throws a PluginError when it does not work. */
  readonly activate: (activation: Activation<A>) => Promise<void>;
}

export interface PutRequest<A> extends FileAttributes {
  readonly site: string;
  readonly to: string;
  readonly source: FileHandle;
  readonly what: A;
  /** Called when the bytes differ, before anything is changed. */
  readonly before?: () => Promise<void>;
}

export interface GuardedFiles<A> {
  /** Throws when the file could not be put there; changes nothing. */
  judge(to: string, attributes: FileAttributes): Promise<void>;
  /** `unchanged`: it had these bytes, mode and owner, and nothing was done. */
  put(request: PutRequest<A>, signal: AbortSignal): Promise<'unchanged' | 'replaced'>;
  /** Finishes or undoes what was interrupted for this site. */
  recover(site: string, signal: AbortSignal): Promise<void>;
}

const formersMax = 10;
const capChown = 0n;

export function createGuardedFiles<A>(options: GuardedFilesOptions<A>): GuardedFiles<A> {
  const { allow, log, decode, activate } = options;
  const journal = createGuardJournal(join(options.stateDirectory, 'journal'));
  const formerDirectory = join(options.stateDirectory, 'former');
  // One at a time: two sites may name the same unit, and each must see the outcome of its own file.
  let tail: Promise<unknown> = Promise.resolve();

  function inTurn<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const turn = tail.then(() => {
      if (!signal.aborted) return work();
      throw new PluginError('was stopped before it began', { fix: 'Nothing: it is called again.' });
    });
    tail = turn.catch(() => undefined);
    return turn;
  }

  async function keepFormer(destination: Destination): Promise<FileFacts | null> {
    const file = await destination.open();
    if (file === null) return null;
    try {
      const facts = await factsOf(file);
      const path = join(formerDirectory, facts.sha256);
      await mkdir(formerDirectory, { recursive: true, mode: 0o700 });
      const temporary = `${path}.tmp`;
      const copy = await open(temporary, 'w+', 0o600);
      try {
        await copyBytes(file, copy);
        await copy.sync();
        if ((await factsOf(copy)).sha256 !== facts.sha256)
          throw new PluginError(`${destination.path} is being written by somebody else`, {
            fix: 'Let only Treecast write it.',
          });
      } finally {
        await copy.close();
      }
      await rename(temporary, path);
      // The journal will name it: it has to be there after a power cut too.
      const directory = await open(formerDirectory, constants.O_RDONLY | constants.O_DIRECTORY);
      try {
        await directory.sync();
      } finally {
        await directory.close();
      }
      return facts;
    } finally {
      await file.close();
    }
  }

  async function restore(entry: GuardEntry, destination: Destination): Promise<void> {
    await journal.write({ ...entry, phase: 'restoring' });
    const { former } = entry;
    if (former === null) await destination.remove();
    else {
      const file = await open(
        join(formerDirectory, former.sha256),
        constants.O_RDONLY | constants.O_NOFOLLOW,
      );
      try {
        await destination.replace(file, former);
      } finally {
        await file.close();
      }
    }
    await activate({
      what: decode(entry.activation),
      path: destination.path,
      present: former !== null,
      restored: true,
      signal: undefined,
    });
  }

  /** Activates; when that fails, restores, and throws what happened. */
  async function finish(entry: GuardEntry, destination: Destination, signal: AbortSignal): Promise<void> {
    const { path } = destination;
    try {
      const what = decode(entry.activation);
      await activate({ what, path, present: true, restored: false, signal });
    } catch (cause) {
      const why = textOf(cause);
      const fix = fixOf(cause);
      const outcome = entry.former === null ? 'it was removed again' : 'the former file was put back';
      try {
        await restore(entry, destination);
      } catch (second) {
        // Told to stop, not failed: the journal stays, and the next start finishes.
        if (!signal.aborted) await journal.remove(entry.to);
        throw new PluginError(`${why}; ${outcome}, but then: ${textOf(second)}`, { cause, ...fix });
      }
      await journal.remove(entry.to);
      throw new PluginError(`${why}; ${outcome}${entry.former === null ? '' : ' and is in use'}`, {
        cause,
        ...fix,
      });
    }
    await journal.remove(entry.to);
    await pruneFormers();
  }

  async function settle(entry: GuardEntry, signal: AbortSignal): Promise<void> {
    const destination = await openDestination(entry.to, allow);
    try {
      const now = await currentFacts(destination);
      const { former, next, phase } = entry;
      const isNext = now !== null && now.sha256 === next.sha256 && now.mode === next.mode;
      const isFormer =
        former === null ? now === null : now?.sha256 === former.sha256 && now.mode === former.mode;
      log.info({ path: entry.to, phase, isNext, isFormer }, 'a replacement was interrupted');
      if (phase === 'replacing' && isNext) await finish(entry, destination, signal);
      else if (phase === 'restoring' && (isNext || isFormer)) {
        await restore(entry, destination);
        await journal.remove(entry.to);
      } else {
        if (!isFormer)
          log.warn({ path: entry.to }, 'somebody else changed the file since; it is left as it is');
        await journal.remove(entry.to);
      }
    } finally {
      await destination.close();
    }
  }

  async function pruneFormers(): Promise<void> {
    const named = new Set((await journal.list()).map(({ former }) => former?.sha256));
    const files = await Promise.all(
      (await readdir(formerDirectory).catch(() => [])).map(async (name) => ({
        name,
        mtimeMs: (await stat(join(formerDirectory, name))).mtimeMs,
      })),
    );
    const old = files.toSorted((a, b) => b.mtimeMs - a.mtimeMs).slice(formersMax);
    for (const { name } of old) if (!named.has(name)) await rm(join(formerDirectory, name), { force: true });
  }

  return {
    async judge(to, attributes) {
      const destination = await openDestination(to, allow);
      try {
        await judgeOwner(await currentFacts(destination), attributes, destination.path);
      } finally {
        await destination.close();
      }
    },
    put: (request, signal) =>
      inTurn(signal, async () => {
        const { site, to, source, what, before, mode, uid, gid } = request;
        const pending = (await journal.list()).find((entry) => entry.to === to);
        if (pending !== undefined) {
          await settle(pending, signal).catch((error: unknown) =>
            log.warn({ path: to, err: error }, 'the interrupted replacement was undone'),
          );
        }
        const destination = await openDestination(to, allow);
        try {
          const now = await currentFacts(destination);
          const { sha256 } = await factsOf(source);
          const same =
            now?.sha256 === sha256 &&
            now.mode === mode &&
            (uid === undefined || uid === now.uid) &&
            (gid === undefined || gid === now.gid);
          if (same) return 'unchanged';
          await judgeOwner(now, request, destination.path);
          await before?.();
          const former = await keepFormer(destination);
          const next = { sha256, mode };
          const entry: GuardEntry = {
            version: 1,
            site,
            to,
            next,
            former,
            phase: 'replacing',
            activation: what,
          };
          await journal.write(entry);
          try {
            await destination.replace(source, request);
          } catch (error) {
            await journal.remove(to);
            throw error;
          }
          await finish(entry, destination, signal);
          return 'replaced';
        } finally {
          await destination.close();
        }
      }),
    recover: (site, signal) =>
      inTurn(signal, async () => {
        const failures: unknown[] = [];
        for (const entry of (await journal.list()).filter((one) => one.site === site))
          await settle(entry, signal).catch((error: unknown) => failures.push(error));
        if (failures.length > 0)
          throw new PluginError(failures.map(textOf).join('; '), {
            cause: failures[0],
            ...fixOf(failures[0]),
          });
      }),
  };
}

async function currentFacts(destination: Destination): Promise<FileFacts | null> {
  const file = await destination.open();
  if (file === null) return null;
  try {
    return await factsOf(file);
  } finally {
    await file.close();
  }
}

/** What cannot be given to its owner, or given back, is refused before anything is changed. */
async function judgeOwner(now: FileFacts | null, { uid, gid }: FileAttributes, path: string): Promise<void> {
  const own = {
    uid: process.geteuid?.() ?? 0,
    groups: [process.getegid?.(), ...(process.getgroups?.() ?? [])],
  };
  const foreign = (user: number | undefined, group: number | undefined): boolean =>
    (user !== undefined && user !== own.uid) || (group !== undefined && !own.groups.includes(group));
  const needs = foreign(uid, gid)
    ? `${path} is to belong to another user or group`
    : now !== null && foreign(now.uid, now.gid)
      ? `${path} belongs to another user or group, and could not be given back`
      : undefined;
  if (needs === undefined || (await mayChown())) return;
  throw new PluginError(`${needs}, which needs CAP_CHOWN`, {
    fix: 'Give the agent CAP_CHOWN (AmbientCapabilities= in its unit), or leave owner and group out.',
    retryable: false,
  });
}

async function mayChown(): Promise<boolean> {
  const file = await open('/proc/self/status', 'r');
  try {
    const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(await file.readFile('utf8'))?.[1];
    return effective !== undefined && ((BigInt(`0x${effective}`) >> capChown) & 1n) === 1n;
  } finally {
    await file.close();
  }
}

function fixOf(error: unknown): { readonly fix: string } {
  const fix = error instanceof PluginError ? error.fix : undefined;
  return { fix: fix ?? 'Look at the plugin’s log on this node.' };
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
