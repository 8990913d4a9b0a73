// The worker pool of the builder behind a typed facade (R2.8): small jobs run where they are asked for, large ones in a worker.
// Queues without bound: whoever gives it work bounds what is in flight (build-assignments.ts does, in bytes).

import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import { type BlocksToSeal, encodeFiles, type FinishedBlock, finishBlocks } from './build-tasks.ts';
import type { PackedBlocks, PackedEncodings, PackedFiles, PackedFinished } from './build-worker.ts';
import { type EncodedFile, type FileToEncode, staysAsItIs } from './encode-file.ts';
import { packBytes, unpackBytes } from './packed-bytes.ts';

export interface BuildPool {
  readonly threads: number;
  /** Results in the order of the files. */
  encodeFiles(files: readonly FileToEncode[]): Promise<EncodedFile[]>;
  finishBlocks(blocks: BlocksToSeal): Promise<FinishedBlock[]>;
  /** Starts the first worker (about 150 ms of processor time) and resolves when it answers. The first large job does it otherwise. */
  warm(): Promise<void>;
  /** Waits for what is under way and ends the workers. */
  close(): Promise<void>;
}

export interface BuildPoolOptions {
  /** Workers at most; the first is started when needed (or by `warm`) and stays, more come and go with the work. Default: one per processor. */
  readonly threads?: number;
}

/** Up to here a job costs about 4 ms at most, less than a busy or sleeping worker takes to answer. */
export const inlineJobBytesMax = 256 * 1024;
/** What starting on one more file costs (30 to 60 µs), as bytes of a larger one. */
const fileOverheadBytes = 4 * 1024;
/** While no worker is up yet: about 20 ms, where waiting for one would take 150 ms. */
const coldInlineJobBytesMax = 1536 * 1024;
const idleTimeoutMs = 60_000;

export function createBuildPool(options: BuildPoolOptions = {}): BuildPool {
  const threads = options.threads ?? availableParallelism();
  let pool: Piscina | undefined;
  let closed = false;
  let warmed: Promise<void> | undefined;
  let inlineBytesMax = coldInlineJobBytesMax;

  const open = (): Piscina => {
    if (closed) throw new Error('the build pool is closed');
    pool ??= new Piscina({
      // From source the worker runs by type stripping, from dist it is JavaScript.
      filename: new URL(
        import.meta.url.endsWith('.ts') ? './build-worker.ts' : './build-worker.js',
        import.meta.url,
      ).href,
      minThreads: 1,
      maxThreads: threads,
      idleTimeout: idleTimeoutMs,
      maxQueue: Number.POSITIVE_INFINITY,
    });
    return pool;
  };

  const run = async <Job, Result>(
    name: string,
    job: Job & { readonly buffer: ArrayBuffer },
  ): Promise<Result> => {
    const answer: unknown = await open().run(job, { name, transferList: [job.buffer] });
    return answer as Result;
  };

  const warm = (): Promise<void> => {
    warmed ??= run('packedEncode', { ...packBytes([]), files: [] }).then(() => {
      inlineBytesMax = inlineJobBytesMax;
    });
    return warmed;
  };

  /** Whether the job is small enough to be done here and now; one that is not really small starts the workers. */
  const isInline = (bytes: number): boolean => {
    if (bytes > inlineJobBytesMax) warm().catch(() => {});
    return bytes <= inlineBytesMax;
  };

  const encodeSome = async (files: readonly FileToEncode[]): Promise<EncodedFile[]> => {
    const bytes = files.reduce(
      (sum, file) => sum + fileOverheadBytes + file.bytes.length + (file.base?.length ?? 0),
      0,
    );
    if (isInline(bytes)) return encodeFiles(files);
    const { codecs, ...packed } = await run<PackedFiles, PackedEncodings>('packedEncode', {
      ...packBytes(
        files.flatMap((file) => (file.base === undefined ? [file.bytes] : [file.bytes, file.base])),
      ),
      files: files.map(({ choice, compressed, base }) => ({
        choice,
        compressed,
        hasBase: base !== undefined,
      })),
    });
    const parts = unpackBytes(packed)[Symbol.iterator]();
    return codecs.map((codec, i) => ({
      codec,
      bytes: codec === 'store' ? (files[i] as FileToEncode).bytes : (parts.next().value as Buffer),
    }));
  };

  return {
    threads,
    async encodeFiles(files) {
      const kept = files.map((file) => staysAsItIs(file));
      const others = (await encodeSome(files.filter((_, i) => !kept[i])))[Symbol.iterator]();
      return files.map(({ bytes }, i) =>
        kept[i] ? { codec: 'store', bytes } : (others.next().value as EncodedFile),
      );
    },
    async finishBlocks(blocks) {
      const { dataKey, firstIndex, payloads } = blocks;
      const bytes = payloads.reduce((sum, payload) => sum + payload.length, 0);
      if (isInline(bytes)) return finishBlocks(blocks);
      const packed = packBytes(payloads);
      const parts = unpackBytes(
        await run<PackedBlocks, PackedFinished>('packedFinish', { ...packed, dataKey, firstIndex }),
      );
      const hashes = dataKey === null ? parts : parts.slice(payloads.length);
      return payloads.map((payload, i) => ({
        bytes: dataKey === null ? payload : (parts[i] as Buffer),
        hash: hashes[i] as Buffer,
      }));
    },
    warm,
    async close() {
      closed = true;
      await warmed?.catch(() => {});
      await pool?.close();
    },
  };
}
