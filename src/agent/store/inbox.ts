// Assignments being received: checks blocks against the signed header, keeps small ones in memory and large ones in `inbox/`, where
// they survive a crash. Keeps a manifest, a list of paths or plugin commands as long as the journal names them.
// Whether an assignment is acceptable is acceptance.ts's decision.

import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import path from 'node:path';
import { blockCount, blockRange, verifyBlock } from '../../assignment/block-layout.ts';
import type { DataSource } from '../../assignment/data-reader.ts';
import { diskBytes } from '../../assignment/manifest-encoder.ts';
import { type Manifest, readUnverifiedManifest } from '../../assignment/read-manifest.ts';
import { failpoint } from '../../faults/failpoint.ts';
import { type AssignmentHeader, blockBytes, type Command } from '../../model/assignment.ts';
import type { Release } from '../../model/release.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { runInSlices, type Steps } from '../../slices/slices.ts';
import type { Disk } from './disk.ts';
import { allEnded } from './durability.ts';
import { type CommandSurvey, type Lag, surveyCommands } from './lag.ts';
import type { Layout } from './layout.ts';
import { createAnew, openOwn } from './own-file.ts';
import { receivedBlocks } from './received-blocks.ts';
import { removeTree } from './removal.ts';
import type { InboxEntry, ReceivedBlocks } from './site-store.ts';
import { explainDisk, spaceNeeded } from './space.ts';

/**
 * Assignments up to this size in all are held in memory: writing and reading them costs more than fetching one again after a crash,
 * and the file system's next sync would write them too.
 */
const memoryBytesMax = 32 * 1024 ** 2;

export interface Inbox {
  /** Reads every command once. Throws ASSIGNMENT_MALFORMED, ASSIGNMENT_TOO_LARGE. */
  open(manifest: Manifest): Promise<ReceivedAssignment>;
  /** What is being received, for others to take from. */
  received(id: string): ReceivedBlocks | null;
  /** What receiving it will still write to disk. */
  bytesToWrite(manifest: Manifest): number;
  /** Gives up what is received of releases for which this says so. */
  drop(isUnwanted: (release: Release) => boolean): void;
  /** Makes the manifest of an assignment that a lag is about to name durable. */
  keepManifest(manifest: Manifest): Promise<void>;
  /** Makes bytes durable under their SHA-256, which it returns. */
  keep(kind: KeptKind, bytes: Uint8Array): Promise<string>;
  /** Undefined when there are none. They are not checked. */
  kept(kind: KeptKind, id: string): Buffer | undefined;
  /** The paths a lag names by an id: a kept list's, or those of the commands of a kept manifest. Throws when it is not there or damaged. */
  pathsOf(id: string): Iterable<string>;
  /** Removes what the journal does not name and no reception needs; throws at the end what could not be removed. */
  clean(named: ReadonlySet<string>): void;
  /** At start: removes everything but what the journal names and receptions that `wanted` says may go on. */
  recover(named: ReadonlySet<string>, wanted: (header: AssignmentHeader) => boolean): void;
  close(): void;
}

/** `paths`: a list for a lag, see {@link encodePaths}; `commands`: those of a tree for plugins. */
export type KeptKind = 'paths' | 'commands';

/** An inbox entry with what staging needs of it. */
export interface ReceivedAssignment extends InboxEntry {
  readonly manifest: Manifest;
  /** What carrying it out will make a tree differ by. */
  readonly lag: Lag;
  commands(): Iterable<Command>;
  source(): DataSource;
  has(index: number): boolean;
  /** Gives the data's space back; the manifest stays where a lag may name it. */
  dropData(): void;
  /** Closes what is open and keeps what was received, to go on later. */
  close(): void;
}

const manifestSuffix = '.manifest';
const dataSuffix = '.data';

export function createInbox(disk: Disk, layout: Layout): Inbox {
  /** What is being received, by assignment id: a second reception goes on with the first. */
  const receiving = new Map<string, ReceivedAssignment>();
  const opening = new Set<string>();
  const fileOf = (id: string, suffix: string) => path.join(layout.inbox, id + suffix);

  function unlink(file: string): void {
    if (disk.lstat(file)) disk.unlink(file);
  }

  /** Whatever somebody put there, a directory too. */
  function removeAll(names: readonly string[], onRemoved: () => void): void {
    let failure: { readonly error: unknown } | undefined;
    for (const name of names) {
      try {
        for (const _ of removeTree(disk, path.join(layout.inbox, name)));
        onRemoved();
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure) throw failure.error;
  }

  /** An open new file with these bytes; none when they do not fit. */
  function writeNew(file: string, bytes: Uint8Array): number {
    const fd = createAnew(disk, file);
    try {
      disk.write(fd, bytes, 0);
      return fd;
    } catch (error) {
      disk.close(fd);
      disk.unlink(file);
      throw error;
    }
  }

  const writeManifest = ({ header, bytes }: Manifest) => writeNew(fileOf(header.id, manifestSuffix), bytes);

  function readFile(file: string): Buffer {
    const fd = disk.open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      if (!disk.fstat(fd).isFile()) throw new Error(`${file} is no file`);
      const bytes = Buffer.allocUnsafe(disk.fstat(fd).size);
      return bytes.subarray(0, disk.read(fd, bytes, 0));
    } finally {
      disk.close(fd);
    }
  }

  function readKept(id: string): Manifest {
    const manifest = readUnverifiedManifest(readFile(fileOf(id, manifestSuffix)));
    if (manifest.header.id !== id) throw new Error(`${id} is kept under another name`);
    return manifest;
  }

  async function syncKept(fd: number): Promise<void> {
    const directory = disk.open(layout.inbox, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await allEnded([disk.sync(fd), disk.sync(directory)]);
      failpoint('agent.inbox.kept');
    } finally {
      disk.close(fd);
      disk.close(directory);
    }
  }

  const kept: Inbox['kept'] = (kind, id) => {
    const file = fileOf(id, `.${kind}`);
    return disk.lstat(file) ? readFile(file) : undefined;
  };

  function inMemory(manifest: Manifest, survey: CommandSurvey): ReceivedAssignment {
    const { header } = manifest;
    let data: Buffer | undefined = Buffer.allocUnsafe(header.data.bytes);
    const missing = new Set(allBlocks(header));
    const close = (): void => {
      receiving.delete(header.id);
      data = undefined;
    };
    const opened = (): Buffer => data ?? closedEntry();
    return register({
      header,
      manifest,
      lag: survey.lag,
      commands: () => survey.commands ?? manifest.commands(),
      missingBlocks: () => (data ? [...missing] : allBlocks(header)),
      has: (index) => data !== undefined && !missing.has(index),
      async writeBlock(index, sealed) {
        verifyBlock(header, index, sealed);
        opened().set(sealed, blockRange(header, index).offset);
        missing.delete(index);
      },
      source: opened,
      dropData: close,
      close,
      async discard() {
        close();
      },
    });
  }

  function register(received: ReceivedAssignment): ReceivedAssignment {
    receiving.set(received.header.id, received);
    return received;
  }

  async function onDisk(manifest: Manifest, survey: CommandSurvey): Promise<ReceivedAssignment> {
    const { header } = manifest;
    const dataFile = fileOf(header.id, dataSuffix);
    disk.close(writeManifest(manifest));
    let fd: number | undefined = openOwn(disk, dataFile) ?? createAnew(disk, dataFile);
    failpoint('agent.inbox.opened');
    const missing = await runInSlices(findMissing(disk, header, fd));
    const close = (): boolean => {
      receiving.delete(header.id);
      if (fd === undefined) return false;
      disk.close(fd);
      fd = undefined;
      return true;
    };
    const dropData = (): void => {
      if (close()) unlink(dataFile);
    };
    const opened = (): number => fd ?? closedEntry();
    return register({
      header,
      manifest,
      lag: survey.lag,
      commands: () => survey.commands ?? manifest.commands(),
      missingBlocks: () => (fd === undefined ? allBlocks(header) : [...missing]),
      has: (index) => fd !== undefined && !missing.has(index),
      async writeBlock(index, sealed) {
        verifyBlock(header, index, sealed);
        try {
          disk.write(opened(), sealed, blockRange(header, index).offset);
        } catch (error) {
          const need = spaceNeeded(header, missing.size * blockBytes);
          const told = explainDisk(error, 'receiving it', { disk, directory: layout.site, need });
          // What there is of it would keep the space from whoever needs it.
          if (told !== error) dropData();
          throw told;
        }
        failpoint('agent.inbox.block-written');
        missing.delete(index);
      },
      source: () => ({ fd: opened() }),
      dropData,
      close,
      async discard() {
        dropData();
      },
    });
  }

  const isSmall = ({ bytes, header }: Manifest) => bytes.length + header.data.bytes <= memoryBytesMax;

  return {
    bytesToWrite(manifest) {
      const { id, data } = manifest.header;
      // Its manifest is written when a lag names it.
      if (isSmall(manifest)) return diskBytes(manifest.bytes.length);
      const there = disk.lstat(fileOf(id, dataSuffix))?.blocks ?? 0;
      return diskBytes(manifest.bytes.length) + Math.max(0, diskBytes(data.bytes) - there * 512);
    },
    drop(isUnwanted) {
      for (const received of receiving.values()) {
        if (isUnwanted(received.header.release)) received.dropData();
      }
    },
    async open(manifest) {
      const open = receiving.get(manifest.header.id);
      if (open) return open;
      const { id } = manifest.header;
      opening.add(id);
      try {
        const survey = await runInSlices(surveyCommands(id, manifest.commands()));
        return isSmall(manifest) ? inMemory(manifest, survey) : await onDisk(manifest, survey);
      } finally {
        opening.delete(id);
      }
    },
    received: (id) => receivedBlocks(disk, receiving.get(id)),
    keepManifest: (manifest) => syncKept(writeManifest(manifest)),
    async keep(kind, bytes) {
      const id = sha256(bytes);
      await syncKept(writeNew(fileOf(id, `.${kind}`), bytes));
      return id;
    },
    kept,
    *pathsOf(id) {
      const list = kept('paths', id);
      if (list) {
        if (sha256(list) !== id) throw new Error(`the list of paths ${id} was damaged`);
        yield* list.toString('utf8').split('\0');
        return;
      }
      for (const command of readKept(id).commands()) {
        if (command.do !== 'plugin') yield command.path;
      }
    },
    clean(named) {
      const names = disk.readdir(layout.inbox).map(({ name }) => name);
      const strangers = names.filter((name) => {
        const id = path.basename(name, path.extname(name));
        return !named.has(id) && !receiving.has(id) && !opening.has(id);
      });
      removeAll(strangers, () => failpoint('agent.inbox.cleaned'));
    },
    recover(named, wanted) {
      const names = disk.readdir(layout.inbox).map(({ name }) => name);
      const unwanted = names.filter((name) => {
        const id = path.basename(name, path.extname(name));
        return (name.endsWith(dataSuffix) || !named.has(id)) && !mayGoOn(id, wanted);
      });
      try {
        removeAll(unwanted, () => failpoint('agent.inbox.recovered'));
      } catch {
        // The background tries again, and tells.
      }
    },
    close() {
      for (const received of receiving.values()) received.close();
    },
  };

  function mayGoOn(id: string, wanted: (header: AssignmentHeader) => boolean): boolean {
    try {
      return wanted(readKept(id).header);
    } catch {
      return false;
    }
  }
}

/** A list of paths as {@link Inbox.keep} takes it. */
export function encodePaths(paths: Iterable<string>): Buffer {
  return Buffer.from([...paths].join('\0'));
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Blocks that are not there or not as the header says. */
function* findMissing(disk: Disk, header: AssignmentHeader, fd: number): Steps<Set<number>> {
  const missing = new Set<number>();
  const { size } = disk.fstat(fd);
  for (let index = 0; index < blockCount(header); index++) {
    const { offset, length } = blockRange(header, index);
    if (offset + length > size) {
      missing.add(index);
      continue;
    }
    const bytes = Buffer.allocUnsafe(length);
    disk.read(fd, bytes, offset);
    try {
      verifyBlock(header, index, bytes);
    } catch {
      missing.add(index);
    }
    yield;
  }
  return missing;
}

function allBlocks(header: AssignmentHeader): number[] {
  return Array.from({ length: blockCount(header) }, (_, index) => index);
}

function closedEntry(): never {
  throw new TreecastError('BUG', 'an inbox entry was used after it was closed');
}
