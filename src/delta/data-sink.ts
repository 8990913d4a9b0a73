// Where the blocks of one part go while it is built: sealed (or only hashed), and kept in memory or written to temporary files.
// Plain blocks follow the sealed ones in the data file, but nobody knows where that is before the end, so they wait in a file of their own.

import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import type { BlockHashes } from '../assignment/assignment-encoder.ts';
import type { Region, UnsealedBlock } from '../assignment/data-encoder.ts';
import { failpoint } from '../faults/failpoint.ts';
import { blockBytes } from '../model/assignment.ts';
import type { BuildPool } from './build-pool.ts';
import { finishBlocks } from './build-tasks.ts';

export interface FinishedData {
  readonly hashes: BlockHashes;
  /** The data file: its bytes, or the path of a temporary, durable file. */
  readonly content: { readonly bytes: Buffer } | { readonly temporary: string };
}

export interface DataSink {
  onBlock(block: UnsealedBlock): void;
  /** Resolves when there is room for more; throws what went wrong with earlier blocks. */
  drain(): Promise<void>;
  /** After the encoder was flushed. */
  finish(): Promise<FinishedData>;
  /** Removes temporary files; after a failure, or when the result is not wanted. */
  discard(): Promise<void>;
}

/** For small parts: everything stays in memory, and is sealed where it stands. */
export function createMemorySink(dataKey: Uint8Array): DataSink {
  const payloads: Record<Region, Buffer[]> = { sealed: [], plain: [] };
  return {
    onBlock: ({ region, payload }) => void payloads[region].push(payload),
    async drain() {},
    async finish() {
      const sealed = finishBlocks({ dataKey, firstIndex: 0, payloads: payloads.sealed });
      const plain = finishBlocks({ dataKey: null, firstIndex: 0, payloads: payloads.plain });
      return {
        hashes: { sealed: sealed.map(({ hash }) => hash), plain: plain.map(({ hash }) => hash) },
        content: { bytes: Buffer.concat([...sealed, ...plain].map(({ bytes }) => bytes)) },
      };
    },
    async discard() {},
  };
}

/** Blocks that go to a worker together: 1 MiB. */
const jobBlocks = 8;

export interface FileSinkOptions {
  readonly dataKey: Uint8Array;
  readonly pool: BuildPool;
  /** Path of the temporary file; the plain region uses `<path>.plain`. */
  readonly temporary: string;
}

export function createFileSink({ dataKey, pool, temporary }: FileSinkOptions): DataSink {
  const waiting: Record<Region, UnsealedBlock[]> = { sealed: [], plain: [] };
  const hashes: Record<Region, Uint8Array[]> = { sealed: [], plain: [] };
  const files: Partial<Record<Region, Promise<FileHandle>>> = {};
  const paths: Record<Region, string> = { sealed: temporary, plain: `${temporary}.plain` };
  const jobsMax = pool.threads * 2 + 1;
  const jobs = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;

  const work = async (region: Region, blocks: readonly UnsealedBlock[]): Promise<void> => {
    files[region] ??= open(paths[region], 'wx');
    const firstIndex = (blocks[0] as UnsealedBlock).index;
    const finished = await pool.finishBlocks({
      dataKey: region === 'sealed' ? dataKey : null,
      firstIndex,
      payloads: blocks.map(({ payload }) => payload),
    });
    const file = await files[region];
    // Copied: what came from a worker is a view of all that the job brought, and the hashes stay until the end.
    for (const [i, { hash }] of finished.entries()) hashes[region][firstIndex + i] = Buffer.from(hash);
    await file.writev(
      finished.map(({ bytes }) => bytes),
      firstIndex * blockBytes,
    );
  };
  const dispatch = (region: Region): void => {
    const blocks = waiting[region].splice(0);
    if (blocks.length === 0) return;
    const job = work(region, blocks)
      .catch((error: unknown) => {
        failure ??= { error };
      })
      .finally(() => jobs.delete(job));
    jobs.add(job);
  };
  const check = () => {
    if (failure !== undefined) throw failure.error;
  };
  const settle = async () => {
    while (jobs.size > 0) await Promise.all(jobs);
  };
  const closeAll = async () => {
    for (const region of ['sealed', 'plain'] as const) {
      const file = await files[region]?.catch(() => undefined);
      delete files[region];
      await file?.close();
    }
  };

  return {
    onBlock(block) {
      waiting[block.region].push(block);
      if (waiting[block.region].length >= jobBlocks) dispatch(block.region);
    },
    async drain() {
      while (jobs.size >= jobsMax) await Promise.race(jobs);
      check();
    },
    async finish() {
      dispatch('sealed');
      dispatch('plain');
      await settle();
      check();
      await joinRegions(await files.sealed, await files.plain, paths);
      failpoint('ccm.assignment.data-joined');
      await closeAll();
      return { hashes, content: { temporary } };
    },
    async discard() {
      await settle();
      await closeAll();
      await Promise.all(Object.values(paths).map((path) => rm(path, { force: true })));
    },
  };
}

/** Leaves one durable file at `paths.sealed`. */
async function joinRegions(
  sealed: FileHandle | undefined,
  plain: FileHandle | undefined,
  paths: Readonly<Record<Region, string>>,
): Promise<void> {
  if (sealed === undefined) {
    if (plain === undefined) await (await open(paths.sealed, 'wx')).close();
    await plain?.datasync();
    if (plain !== undefined) {
      await rename(paths.plain, paths.sealed);
      failpoint('ccm.assignment.data-moved');
    }
    return;
  }
  if (plain !== undefined) {
    let position = (await sealed.stat()).size;
    for await (const piece of createReadStream(paths.plain, { highWaterMark: 1024 ** 2 })) {
      position += (await sealed.write(piece as Buffer, 0, (piece as Buffer).length, position)).bytesWritten;
    }
    await rm(paths.plain);
  }
  await sealed.datasync();
}
