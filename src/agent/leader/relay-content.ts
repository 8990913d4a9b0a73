// One assignment that this node holds for others: which blocks are here, who waits for which, and their bytes on disk. No block is here before it was
// checked against the signed manifest (LEAD-32). Where they come from is its user's matter.

import type { FileHandle } from 'node:fs/promises';
import { blockCount, blockRange, verifyBlock } from '../../assignment/block-layout.ts';
import type { Manifest } from '../../assignment/read-manifest.ts';
import { failpoint } from '../../faults/failpoint.ts';
import type { AssignmentHeader } from '../../model/assignment.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { HeldContent } from './held-content.ts';

export interface RelayContent extends HeldContent {
  /** Undefined before the manifest is here. */
  header(): AssignmentHeader | undefined;
  heldCount(): number;
  missing(): number[];
  /** The manifest is here, verified, and `file` is open for its data: what of it is there already is looked for. */
  begin(manifest: Manifest, file: FileHandle): Promise<void>;
  /** Throws ASSIGNMENT_BLOCK_CORRUPT, and what the disk throws. */
  write(index: number, block: Buffer): Promise<void>;
  /** Nobody is in a hurry any more: what is in memory to be given out fast is let go. */
  rest(): void;
  /** Nothing more will come: whoever waits is told why. What is here stays. */
  end(error: TreecastError): void;
  /** Something is coming again. */
  resume(): void;
  /** As {@link end}; its file is closed. */
  close(error: TreecastError): Promise<void>;
}

interface Waiter {
  readonly index: number;
  readonly got: (block: Buffer) => void;
  readonly failed: (error: TreecastError) => void;
}

/** The last ones that came: members follow closely behind. */
const recentMax = 32;

export interface RelayContentOptions {
  readonly assignment: string;
  /** As it is on disk. */
  readonly readManifest: () => Promise<Buffer | undefined>;
  /** Called whenever somebody takes of it. */
  readonly onUse: () => void;
  /** A block that was here is not any more, or not as it was: somebody else's hand. */
  readonly onLost: () => void;
}

export function createRelayContent({
  assignment,
  readManifest,
  onUse,
  onLost,
}: RelayContentOptions): RelayContent {
  let header: AssignmentHeader | undefined;
  let manifestBytes: Buffer | undefined;
  let file: FileHandle | undefined;
  let here: Uint8Array = new Uint8Array(0);
  let count = 0;
  let ended: TreecastError | undefined;
  const waiters = new Set<Waiter>();
  const forManifest = new Set<() => void>();
  const listeners = new Set<(index: number) => void>();
  const recent = new Map<number, Buffer>();
  const reading = new Map<number, Promise<Buffer>>();

  const has = (index: number): boolean => here[index] === 1;

  function wakeAll(): void {
    for (const wake of forManifest) wake();
    if (ended === undefined) return;
    for (const { failed } of waiters) failed(ended);
    waiters.clear();
  }

  /** Who asks for the same at once gets the same. */
  function read(index: number): Promise<Buffer> {
    const known = recent.get(index);
    if (known !== undefined) return Promise.resolve(known);
    const coming = reading.get(index) ?? readFromDisk(index).finally(() => reading.delete(index));
    reading.set(index, coming);
    return coming;
  }

  async function readFromDisk(index: number): Promise<Buffer> {
    const of = header as AssignmentHeader;
    const { offset, length } = blockRange(of, index);
    const block = Buffer.allocUnsafe(length);
    if (file === undefined) throw ended ?? goneError(assignment);
    const { bytesRead } = await file.read(block, 0, length, offset);
    if (bytesRead === length && isRight(of, index, block)) return block;
    // Somebody else's hand: it is not here, and comes again with the next request for it.
    forget(index);
    onLost();
    throw goneError(assignment);
  }

  function forget(index: number): void {
    if (!has(index)) return;
    here[index] = 0;
    count -= 1;
  }

  function keep(index: number): void {
    if (has(index)) return;
    here[index] = 1;
    count += 1;
  }

  function remember(index: number, block: Buffer): void {
    recent.set(index, block);
    if (recent.size > recentMax) recent.delete(recent.keys().next().value as number);
  }

  function rest(): void {
    recent.clear();
    manifestBytes = undefined;
  }

  function whenWoken(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        forManifest.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      forManifest.add(done);
      signal.addEventListener('abort', done);
    });
  }

  async function headerWhenHere(signal: AbortSignal): Promise<AssignmentHeader> {
    while (header === undefined) {
      if (ended !== undefined) throw ended;
      if (signal.aborted) throw aborted();
      await whenWoken(signal);
    }
    return header;
  }

  return {
    assignment,
    header: () => header,
    heldCount: () => count,
    has,
    missing: () => [...here.entries()].flatMap(([index, value]) => (value === 1 ? [] : [index])),

    async begin(manifest, opened) {
      const { header: of, bytes } = manifest;
      file = opened;
      here = new Uint8Array(blockCount(of));
      const { size } = await opened.stat();
      for (let index = 0; index < here.length; index++) {
        const { offset, length } = blockRange(of, index);
        if (offset + length > size) break;
        const block = Buffer.allocUnsafe(length);
        await opened.read(block, 0, length, offset);
        if (isRight(of, index, block)) keep(index);
      }
      header = of;
      manifestBytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      wakeAll();
    },

    async write(index, block) {
      const of = header as AssignmentHeader;
      verifyBlock(of, index, block);
      if (has(index)) return;
      if (file === undefined) throw ended ?? goneError(assignment);
      const { offset, length } = blockRange(of, index);
      const { bytesWritten } = await file.write(block, 0, length, offset);
      // A disk that is filling up takes a part, and says so with the rest.
      if (bytesWritten < length) {
        await file.write(block, bytesWritten, length - bytesWritten, offset + bytesWritten);
      }
      failpoint('agent.relay.block-written');
      keep(index);
      remember(index, block);
      for (const waiter of waiters) {
        if (waiter.index !== index) continue;
        waiters.delete(waiter);
        waiter.got(block);
      }
      for (const listener of listeners) listener(index);
    },

    async manifest(signal) {
      onUse();
      const of = await headerWhenHere(signal);
      const bytes = manifestBytes ?? (await readManifest());
      if (bytes === undefined) throw ended ?? goneError(assignment);
      return { header: of, bytes };
    },

    async block(index, signal) {
      onUse();
      const of = await headerWhenHere(signal);
      if (!Number.isInteger(index) || index < 0 || index >= blockCount(of)) {
        throw new TreecastError('INVALID_INPUT', `Assignment ${assignment} has no block ${index}.`);
      }
      if (has(index)) return read(index);
      if (ended !== undefined) throw ended;
      if (signal.aborted) throw aborted();
      return new Promise((resolve, reject) => {
        const done = (run: () => void): void => {
          waiters.delete(waiter);
          signal.removeEventListener('abort', stop);
          run();
        };
        const stop = (): void => done(() => reject(aborted()));
        const waiter: Waiter = {
          index,
          got: (block) => done(() => resolve(block)),
          failed: (error) => done(() => reject(error)),
        };
        waiters.add(waiter);
        signal.addEventListener('abort', stop);
      });
    },

    onBlock(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    rest,
    end(error) {
      ended = error;
      rest();
      wakeAll();
    },
    resume() {
      ended = undefined;
    },
    async close(error) {
      ended = error;
      rest();
      here = new Uint8Array(0);
      count = 0;
      wakeAll();
      const last = file;
      file = undefined;
      await last?.close();
    },
  };
}

function isRight(header: AssignmentHeader, index: number, block: Buffer): boolean {
  try {
    verifyBlock(header, index, block);
    return true;
  } catch {
    return false;
  }
}

function aborted(): TreecastError {
  return new TreecastError('ABORTED', 'Waiting for a block was stopped.');
}

function goneError(assignment: string): TreecastError {
  return new TreecastError('NOT_FOUND', `Assignment ${assignment} is not kept here any more.`);
}
