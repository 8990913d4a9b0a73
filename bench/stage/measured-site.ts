// One site under measurement: a store over a grown site, and single edits whose stage and switch are timed and counted.

import fs from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { zstdCompressSync } from 'node:zlib';
import { createDisk } from '../../src/agent/store/disk.ts';
import type { SiteStore } from '../../src/agent/store/site-store.ts';
import {
  decisionFor,
  kitAssignment,
  kitSite,
  openKitStore,
  receiveAndStage,
  release,
} from '../../src/agent/store/testing/site-kit.ts';
import type { EncodedAssignment } from '../../src/assignment/encode-assignment.ts';
import { blobIdOf } from '../../src/assignment/object-id.ts';
import type { ObjectId } from '../../src/model/tree.ts';
import { type GrownSite, growSite } from './grown-site.ts';

export interface Measurement {
  readonly ms: number;
  /** File-system calls of stage and switch, and of the background work that follows. */
  readonly ops: number;
  readonly backgroundOps: number;
  readonly syncs: number;
}

export interface MeasuredSite {
  readonly files: number;
  /** Edits one file and publishes it; everything but receiving, staging and switching is outside the measurement. */
  publishEdit(number: number): Promise<Measurement>;
  /** Stages an edit and aborts it, then waits for the background. */
  stageAndAbort(number: number): Promise<void>;
  /** Back to the former release, then waits for the background. */
  rollBack(): Promise<void>;
  /** Whether every byte on disk is what was published last. */
  isRight(): Promise<boolean>;
  close(): Promise<void>;
}

export async function openMeasuredSite(
  root: string,
  files: number,
  say: (line: string) => void,
): Promise<MeasuredSite> {
  const directory = path.join(root, kitSite, 'trees', '1-0001');
  fs.mkdirSync(directory, { recursive: true });
  let began = performance.now();
  const grown = growSite(directory, files);
  say(`${files} files made in ${seconds(began)} s`);
  fs.symlinkSync('trees/1-0001', path.join(root, kitSite, 'live'));
  const disk = createDisk();
  began = performance.now();
  // A site without a journal is taken over after reading all of it.
  const store = await openKitStore(root, disk);
  say(`${files} files read and hashed in ${seconds(began)} s`);
  if (store.live()?.tree !== grown.tree()) throw new Error('the grown site is not what was meant');
  began = performance.now();
  await store.settle();
  say(`two more trees of ${files} files made in ${seconds(began)} s`);
  return measure(store, grown, disk);
}

function measure(store: SiteStore, grown: GrownSite, disk: ReturnType<typeof createDisk>): MeasuredSite {
  let sequence = 1;
  let undoLast: (() => void) | undefined;

  function prepare(number: number): { assignment: EncodedAssignment; tree: ObjectId; undo: () => void } {
    const baseTree = grown.tree();
    const { path: file, bytes: before } = grown.file(number);
    const bytes = Buffer.from(`${before.toString().split('<!--')[0]}<!-- edit ${++sequence} -->\n`);
    const { tree, undo } = grown.edit(number, bytes);
    const assignment = kitAssignment({
      release: release(sequence),
      baseTree,
      targetTree: tree,
      commands: [
        {
          command: {
            do: 'patch',
            path: file,
            from: file,
            mode: '100644',
            base: blobIdOf(before),
            blob: blobIdOf(bytes),
            size: bytes.length,
            mtime: 1_764_000_000 + sequence,
          },
          payload: {
            codec: 'zstd-base',
            cipher: 'aes-256-gcm',
            bytes: zstdCompressSync(bytes, { dictionary: before }),
          },
        },
      ],
    });
    return { assignment, tree, undo };
  }

  return {
    files: grown.files,
    async publishEdit(number) {
      const { assignment, tree, undo } = prepare(number);
      const decision = decisionFor(release(sequence), tree);
      await store.settle();
      const { calls, syncs } = { ...disk.counts };
      const began = performance.now();
      await receiveAndStage(store, assignment);
      await store.decide(decision);
      const ms = performance.now() - began;
      const ops = disk.counts.calls - calls;
      const foregroundSyncs = disk.counts.syncs - syncs;
      await store.settle();
      undoLast = undo;
      return { ms, ops, syncs: foregroundSyncs, backgroundOps: disk.counts.calls - calls - ops };
    },
    async stageAndAbort(number) {
      const { assignment, undo } = prepare(number);
      await receiveAndStage(store, assignment);
      await store.abort(release(sequence));
      undo();
      await store.settle();
    },
    async rollBack() {
      const { backup } = store.holding();
      if (!backup || !undoLast) throw new Error('there is nothing to roll back to');
      undoLast();
      await store.decide(decisionFor(release(++sequence), backup.tree, 'rollback'));
      await store.settle();
    },
    async isRight() {
      const { proof, drift } = await store.verify();
      return proof.tree === grown.tree() && drift.length === 0;
    },
    close: () => store.close(),
  };
}

function seconds(began: number): string {
  return ((performance.now() - began) / 1000).toFixed(1);
}
