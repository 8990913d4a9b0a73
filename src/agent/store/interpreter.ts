// The content interpreter: carries out an assignment's commands against `next`, one by one, reading old contents from live only;
// those of plugins it hands on.
// Checks sizes and blob ids before a file counts, and says which command failed and why. Undoing is the caller's.

import { constants } from 'node:fs';
import type { DataReader } from '../../assignment/data-reader.ts';
import { decodePayload, decodePayloadStream, dictionaryBytesMax } from '../../assignment/decode-payload.ts';
import { blobIdOf, createBlobHash, type ObjectIdLength } from '../../assignment/object-id.ts';
import type { Command } from '../../model/assignment.ts';
import type { EntryMode, FileMode, ObjectId } from '../../model/tree.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { createSlices } from '../../slices/slices.ts';
import { commandError } from './command-error.ts';
import { type DirectoryHandles, parentOf } from './directory-handles.ts';
import type { Disk } from './disk.ts';
import type { SyncSet } from './durability.ts';
import { createFileWriter, type FileFacts } from './file-writer.ts';
import type { Owner } from './owner.ts';
import type { PluginCommands } from './plugin-commands.ts';
import type { StagedTwins } from './staged-twins.ts';
import { type TouchedDirectory, touchDirectory, touchLeaf, touchRemoved } from './touched-paths.ts';

/** What everything in a tree gets beyond its contents. */
export interface Modes {
  readonly file: number;
  readonly executable: number;
  readonly directory: number;
  /** Null: whoever makes it. */
  readonly owner: Owner | null;
}

export interface InterpreterOptions {
  readonly disk: Disk;
  readonly next: DirectoryHandles;
  /** Null when there is no base: then no command may read old contents. */
  readonly live: DirectoryHandles | null;
  readonly modes: Modes;
  readonly syncs: SyncSet;
  readonly temporary: () => string;
  readonly touched: TouchedDirectory;
  /** Undefined in a site without twins. */
  readonly twins: Pick<StagedTwins, 'clearDirectory' | 'clearName'> | undefined;
  /** An id of the repository's object format. */
  readonly like: ObjectId;
  /** Blob id of a path of the base tree. */
  readonly baseBlob: (path: string) => ObjectId | undefined;
  /** Takes the commands that are none of the store's. */
  readonly pluginCommands: PluginCommands;
  readonly signal: AbortSignal;
}

export interface Interpreter {
  /** Carries out the commands in order; `onDone` hears of every one. Throws STAGE_FAILED, CONTENT_DRIFT, SPACE_INSUFFICIENT, ABORTED. */
  run(commands: Iterable<Command>, data: DataReader, onDone: () => void): Promise<void>;
}

/** Files and payloads above this are decoded in a stream instead of whole. */
const wholeBytesMax = 4 * 1024 * 1024;
const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

type WriteCommand = Extract<Command, { do: 'write' }>;
type PatchCommand = Extract<Command, { do: 'patch' }>;
type Copy = Omit<Extract<Command, { do: 'copy' }>, 'do' | 'size'>;

export function createInterpreter(options: InterpreterOptions): Interpreter {
  const { disk, next, modes, syncs, touched } = options;
  const writer = createFileWriter(disk, syncs, options.temporary);
  const slices = createSlices(options.signal);

  function factsOf(mode: FileMode, mtime: number): FileFacts {
    return { mode: mode === '100755' ? modes.executable : modes.file, mtime, owner: modes.owner };
  }

  function named(path: string, mode: EntryMode, id: ObjectId): void {
    syncs.directory(parentOf(path));
    touchLeaf(touched, path, { mode, id });
  }

  /** An open regular file of the base tree. */
  function openBase(path: string): number {
    if (options.live === null) throw drift(path, 'there is no base tree');
    const fd = disk.open(options.live.entry(path), readFlags);
    if (disk.fstat(fd).isFile()) return fd;
    disk.close(fd);
    throw drift(path, 'it is no regular file');
  }

  /** Of a file of at most `bytesMax`: what this node has is held to the same bound as what is sent. */
  function readBase(path: string, blob: ObjectId, bytesMax: number): Buffer {
    const fd = openBase(path);
    try {
      const { size } = disk.fstat(fd);
      if (size > bytesMax) throw drift(path, `it has ${size} bytes on this node`);
      const bytes = Buffer.allocUnsafe(size);
      const whole = bytes.subarray(0, disk.read(fd, bytes, 0));
      if (blobIdOf(whole, blob) !== blob) throw drift(path, 'its contents were changed on this node');
      return whole;
    } finally {
      disk.close(fd);
    }
  }

  function writeWhole(command: WriteCommand | PatchCommand, data: DataReader): void {
    const { path, blob, size, data: payload } = command;
    const base =
      command.do === 'patch' ? { base: readBase(command.from, command.base, dictionaryBytesMax) } : {};
    const bytes = decodePayload(payload.codec, data.read(payload), { size, ...base });
    if (blobIdOf(bytes, blob) !== blob) throw wrongBytes(path);
    writer.write(next.entry(path), factsOf(command.mode, command.mtime), bytes);
    named(path, command.mode, blob);
  }

  async function writeStream(command: WriteCommand | PatchCommand, data: DataReader): Promise<void> {
    const { path, blob, size, data: payload } = command;
    const base =
      command.do === 'patch' ? { base: readBase(command.from, command.base, dictionaryBytesMax) } : {};
    const hash = createBlobHash(size, blob.length as ObjectIdLength);
    async function* checked(): AsyncGenerator<Buffer> {
      for await (const piece of decodePayloadStream(payload.codec, data.stream(payload), { size, ...base })) {
        hash.update(piece);
        yield piece;
      }
      if (hash.digest() !== blob) throw wrongBytes(path);
    }
    // The handle behind this name stays open: nothing else uses the cache meanwhile.
    await writer.stream(next.entry(path), factsOf(command.mode, command.mtime), checked());
    named(path, command.mode, blob);
  }

  function copySmall({ path, from, mode, mtime, blob }: Copy): void {
    writer.write(next.entry(path), factsOf(mode, mtime), readBase(from, blob, wholeBytesMax));
    named(path, mode, blob);
  }

  async function copyLarge({ path, from, mode, mtime, blob }: Copy): Promise<void> {
    const source = openBase(from);
    try {
      await writer.copy(next.entry(path), factsOf(mode, mtime), source, async (fd) => {
        if ((await hashFile(fd, blob)) !== blob) throw drift(from, 'its contents were changed on this node');
      });
    } finally {
      disk.close(source);
    }
    named(path, mode, blob);
  }

  function copyFile(copy: Copy): Promise<void> | undefined {
    if (options.live === null) throw drift(copy.from, 'there is no base tree');
    const size = disk.lstat(options.live.entry(copy.from))?.size ?? 0;
    if (size > wholeBytesMax) return copyLarge(copy);
    copySmall(copy);
    return undefined;
  }

  function changeMode({ path, mode, mtime }: Extract<Command, { do: 'mode' }>): Promise<void> | undefined {
    const blob = options.baseBlob(path);
    if (blob === undefined) throw drift(path, 'the base tree has no such file');
    return copyFile({ path, from: path, mode, mtime, blob });
  }

  function makeDirectory(path: string): void {
    options.twins?.clearName(path);
    disk.mkdir(next.entry(path), 0o700);
    disk.chmod(next.directory(path), modes.directory);
    if (modes.owner) disk.chown(next.directory(path), modes.owner);
    syncs.directory(parentOf(path));
    syncs.directory(path);
    touchDirectory(touched, path);
  }

  function removeDirectory(path: string): void {
    options.twins?.clearDirectory(path);
    next.forget(path);
    disk.rmdir(next.entry(path));
    syncs.forget(path);
    syncs.directory(parentOf(path));
    touchRemoved(touched, path);
  }

  async function verifyFile({ path, blob }: Extract<Command, { do: 'verify' }>): Promise<void> {
    const fd = disk.open(next.entry(path), readFlags);
    try {
      if (!disk.fstat(fd).isFile()) throw drift(path, 'it is no regular file');
      if ((await hashFile(fd, blob)) !== blob) throw drift(path, 'its contents are not as published');
    } finally {
      disk.close(fd);
    }
  }

  async function hashFile(fd: number, like: ObjectId): Promise<ObjectId | undefined> {
    const { size } = disk.fstat(fd);
    const hash = createBlobHash(size, like.length as ObjectIdLength);
    const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(size, 262_144)));
    for (let at = 0; at < size; ) {
      const bytes = disk.read(fd, buffer.subarray(0, Math.min(buffer.length, size - at)), at);
      if (bytes === 0) return undefined;
      hash.update(buffer.subarray(0, bytes));
      at += bytes;
      if (slices.due()) await slices.pause();
    }
    return hash.digest();
  }

  function execute(command: Command, data: DataReader): Promise<void> | undefined {
    switch (command.do) {
      case 'mkdir':
        makeDirectory(command.path);
        return undefined;
      case 'rmdir':
        removeDirectory(command.path);
        return undefined;
      case 'write':
      case 'patch':
        if (Math.max(command.size, command.data.length) > wholeBytesMax) return writeStream(command, data);
        writeWhole(command, data);
        return undefined;
      case 'copy':
        return copyFile(command);
      case 'symlink':
        writer.symlink(next.entry(command.path), command.target, {
          mtime: command.mtime,
          owner: modes.owner,
        });
        named(command.path, '120000', blobIdOf(Buffer.from(command.target), options.like));
        return undefined;
      case 'mode':
        return changeMode(command);
      case 'remove':
        disk.unlink(next.entry(command.path));
        syncs.directory(parentOf(command.path));
        touchRemoved(touched, command.path);
        return undefined;
      case 'verify':
        return verifyFile(command);
      case 'plugin':
        options.pluginCommands.add(command);
        return undefined;
    }
  }

  return {
    async run(commands, data, onDone) {
      let index = 0;
      for (const command of commands) {
        try {
          const more = execute(command, data);
          if (more) await more;
        } catch (cause) {
          throw commandError(command, index, cause);
        }
        index++;
        onDone();
        if (slices.due()) await slices.pause();
      }
    },
  };
}

function drift(path: string, what: string): TreecastError {
  return new TreecastError('CONTENT_DRIFT', `${path}: ${what}`, {
    fix: 'Run `treecast verify` to see what else was changed, and publish to this node again from scratch.',
    data: { path },
  });
}

function wrongBytes(path: string): TreecastError {
  return new TreecastError('STAGE_FAILED', `${path}: the bytes are not those that were published`, {
    fix: 'Publish again; if it repeats, report a bug with the job id.',
    data: { path },
  });
}
