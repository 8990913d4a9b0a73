// Precompressed twins of the files that a release brings: which files, how hard, and whether a twin is worth its bytes.
// The bytes are the same on every node with the same Node.js; where they go is the store's business (`writeTwin`).

import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { brotliCompress, constants as codecs, gzip, zstdCompress } from 'node:zlib';
import { z } from 'zod';
import type { BeforeSwitchEvent, TwinSuffix } from '../api/hooks.ts';
import { PluginError } from '../api/plugin-error.ts';
import { openTreeFile } from '../files/tree-file.ts';
import { pathGlob } from '../urls/path-glob.ts';
import { isInside, isRegularFile, listFiles } from './kept-files.ts';

const encodings = ['gzip', 'br', 'zstd'] as const;
type Encoding = (typeof encodings)[number];

export const twinsSchema = z.strictObject({
  encodings: z
    .array(z.enum(encodings))
    .min(1)
    .max(3)
    .default(['gzip'])
    .describe('Which twins are written: `gzip` (.gz), `br` (.br), `zstd` (.zst).'),
  paths: z
    .array(z.string().min(1).max(200))
    .min(1)
    .max(50)
    .default(['*.{html,htm,css,js,mjs,json,map,svg,xml,txt,md,wasm,webmanifest,ico,ttf,otf,eot,rss,atom}'])
    .describe('Globs of the paths that get twins.'),
  bytesMin: z.int().min(0).max(1_048_576).default(1024).describe('Smaller files get none.'),
  shareMax: z
    .number()
    .min(0.1)
    .max(1)
    .default(0.95)
    .describe('A twin is written when it has at most this share of the file’s bytes.'),
});

export type TwinsPolicy = z.output<typeof twinsSchema>;

const bytesMax = 16 * 1_048_576;
const walkedMax = 1_000_000;
const parallelMax = 3;
/** Above this size brotli and zstd take seconds for the last per cent. */
const hardBytesMax = 1_048_576;

export interface TwinsWritten {
  readonly written: number;
  readonly bytes: number;
}

/** For added and changed paths; for all of them when the changes are not known. Stops between files when `signal` aborts. */
export async function writeTwins(
  event: BeforeSwitchEvent,
  policy: TwinsPolicy,
  signal?: AbortSignal,
): Promise<TwinsWritten> {
  const matches = pathGlob(policy.paths);
  const changes = await event.changes();
  const paths =
    changes?.flatMap(({ path, after }) => (after === null ? [] : [path])) ??
    (await listFiles(event.to.directory, walkedMax));
  const queue = paths.filter((path) => matches(path) && isInside(path)).values();
  let written = 0;
  let bytes = 0;

  async function work(): Promise<void> {
    for (const path of queue) {
      signal?.throwIfAborted();
      const content = await readFileOfTree(event.to.directory, path, policy.bytesMin);
      if (!content) continue;
      for (const encoding of policy.encodings) {
        const { suffix, compress } = codecOf[encoding];
        // The tree has it itself, or an earlier call wrote it: the store removes a twin whenever its file changes.
        if (await isRegularFile(event.to.directory, path + suffix)) continue;
        const twin = await compress(content);
        if (twin.length > content.length * policy.shareMax) continue;
        await event.writeTwin(path, suffix, twin);
        written += 1;
        bytes += twin.length;
      }
    }
  }

  await Promise.all(Array.from({ length: parallelMax }, work));
  return { written, bytes };
}

const asyncGzip = promisify(gzip);
const asyncBrotli = promisify(brotliCompress);
const asyncZstd = promisify(zstdCompress);

interface Codec {
  readonly suffix: TwinSuffix;
  compress(content: Buffer): Promise<Buffer>;
}

const codecOf: Readonly<Record<Encoding, Codec>> = {
  // zlib writes no time and no name into the header: the bytes depend on the content alone.
  gzip: { suffix: '.gz', compress: (content) => asyncGzip(content, { level: 9 }) },
  br: {
    suffix: '.br',
    compress: (content) =>
      asyncBrotli(content, {
        params: {
          [codecs.BROTLI_PARAM_QUALITY]: content.length > hardBytesMax ? 9 : 11,
          [codecs.BROTLI_PARAM_SIZE_HINT]: content.length,
        },
      }),
  },
  zstd: {
    suffix: '.zst',
    compress: (content) =>
      asyncZstd(content, {
        params: {
          [codecs.ZSTD_c_compressionLevel]: content.length > hardBytesMax ? 12 : 19,
          // 8 MiB: what browsers accept.
          [codecs.ZSTD_c_windowLog]: 23,
        },
      }),
  },
};

/** Null for what is no regular file, too small or too large. */
async function readFileOfTree(root: string, path: string, bytesMin: number): Promise<Buffer | null> {
  if (!(await isRegularFile(root, path))) return null;
  let file: FileHandle | undefined;
  try {
    file = await openTreeFile(root, path);
    const { size } = await file.stat();
    return size < bytesMin || size === 0 || size > bytesMax ? null : await file.readFile();
  } catch (cause) {
    throw new PluginError(`cannot read ${path} of release: ${String(cause)}`, {
      cause,
      fix: 'See that the agent may read the tree.',
    });
  } finally {
    await file?.close();
  }
}
