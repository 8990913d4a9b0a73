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

type Held = { readonly header: AssignmentHeader; readonly bytes: Buffer };

/** The last ones that came: members follow closely behind. */
const recentMax = 32;

/** `onUse` is called whenever somebody takes of it. */
export function createRelayContent(assignment: string, onUse: () => void): RelayContent {
  let held: Held | undefined;
  let file: FileHandle | undefined;
  let here: Uint8Array = new Uint8Array(0);
  let count = 0;
  let ended: TreecastError | undefined;
  const waiters = new Set<Waiter>();
  const forManifest = new Set<() => void>();
  const listeners = new Set<(index: number) => void>();
  const recent = new Map<number, Buffer>();

  const has = (index: number): boolean => here[index] === 1;

  function wakeAll(): void {
    for (const wake of forManifest) wake();
    if (ended === undefined) return;
    for (const { failed } of waiters) failed(ended);
    waiters.clear();
  }

  async function read(index: number): Promise<Buffer> {
    const known = recent.get(index);
    if (known !== undefined) return known;
    const { offset, length } = blockRange((held as Held).header, index);
    const block = Buffer.allocUnsafe(length);
    if (file === undefined) throw ended ?? goneError(assignment);
    const { bytesRead } = await file.read(block, 0, length, offset);
    if (bytesRead === length) return block;
    // Somebody else's hand: it is not here, and comes again with the next request for it.
    forget(index);
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

  async function manifest(signal: AbortSignal): Promise<Held> {
    while (held === undefined) {
      if (ended !== undefined) throw ended;
      if (signal.aborted) throw aborted();
      await whenWoken(signal);
    }
    return held;
  }

  return {
    assignment,
    header: () => held?.header,
    heldCount: () => count,
    has,
    missing: () => [...here.entries()].flatMap(([index, value]) => (value === 1 ? [] : [index])),

    async begin(manifest, opened) {
      const { header, bytes } = manifest;
      file = opened;
      here = new Uint8Array(blockCount(header));
      const { size } = await opened.stat();
      for (let index = 0; index < here.length; index++) {
        const { offset, length } = blockRange(header, index);
        if (offset + length > size) break;
        const block = Buffer.allocUnsafe(length);
        await opened.read(block, 0, length, offset);
        if (isRight(header, index, block)) keep(index);
      }
      held = { header, bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
      wakeAll();
    },

    async write(index, block) {
      const { header } = held as Held;
      verifyBlock(header, index, block);
      if (has(index)) return;
      if (file === undefined) throw ended ?? goneError(assignment);
      const { offset, length } = blockRange(header, index);
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

    manifest,

    async block(index, signal) {
      onUse();
      const { header } = await manifest(signal);
      if (!Number.isInteger(index) || index < 0 || index >= blockCount(header)) {
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

    end(error) {
      ended = error;
      recent.clear();
      wakeAll();
    },
    resume() {
      ended = undefined;
    },
    async close(error) {
      ended = error;
      recent.clear();
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
