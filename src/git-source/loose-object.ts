// Reads small loose objects straight from a repository's object directory, without a Git process. What it does not find (packed,
// too large, absent) it leaves to the caller. Objects are content-addressed and written once, so no lock is needed.

import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { inflateSync } from 'node:zlib';
import type { ObjectId } from '../model/tree.ts';

export interface GitObject {
  readonly type: string;
  readonly bytes: Buffer;
}

/** Compressed; more than this is not read on the event loop. */
const fileBytesMax = 32_768;
const objectBytesMax = 1_048_576;
const headerBytesMax = 32;

/** Synchronous on purpose: about 60 µs, where a round trip through the thread pool costs more. */
export function readLooseObject(objectDirectory: string, id: ObjectId): GitObject | undefined {
  const packed = readSmallFile(`${objectDirectory}/${id.slice(0, 2)}/${id.slice(2)}`);
  if (packed === undefined) return undefined;
  let plain: Buffer;
  try {
    plain = inflateSync(packed, { maxOutputLength: objectBytesMax });
  } catch {
    return undefined; // Larger than we hold, or damaged: Git itself will say which.
  }
  const headerEnd = plain.subarray(0, headerBytesMax).indexOf(0);
  const header = /^(blob|tree|commit|tag) (\d+)$/.exec(plain.toString('latin1', 0, Math.max(headerEnd, 0)));
  const bytes = plain.subarray(headerEnd + 1);
  return header && Number(header[2]) === bytes.length ? { type: header[1] as string, bytes } : undefined;
}

/** Of any size. */
export function hasLooseObject(objectDirectory: string, id: ObjectId): boolean {
  return existsSync(`${objectDirectory}/${id.slice(0, 2)}/${id.slice(2)}`);
}

function readSmallFile(path: string): Buffer | undefined {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    const size = fstatSync(file).size;
    if (size > fileBytesMax) return undefined;
    const bytes = Buffer.allocUnsafe(size);
    return readSync(file, bytes, 0, size, 0) === size ? bytes : undefined;
  } finally {
    closeSync(file);
  }
}
