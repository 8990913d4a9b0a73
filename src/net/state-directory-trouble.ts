// Why a program cannot start over its state directory, in words: the disk, or whose directory it is. What is neither stays as it is.

import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { TreecastError } from '../model/treecast-error.ts';
import { diskError, diskTroubleOf } from './disk-trouble.ts';

/** Node says ENOENT too when it cannot make a directory on a read-only disk; 14 is SQLITE_CANTOPEN. */
const unclear: ReadonlySet<unknown> = new Set(['ENOENT', 'EACCES', 'EPERM', 'EROFS', 14]);

export function explainStateDirectory(error: unknown, directory: string): unknown {
  if (!(error instanceof Error) || error instanceof TreecastError) return error;
  const { code, errcode, path } = error as { code?: unknown; errcode?: unknown; path?: unknown };
  const place = nearest(typeof path === 'string' ? path : directory);
  const isUnclear = unclear.has(code) || unclear.has(errcode);
  const why = diskTroubleOf(error) || !isUnclear ? error : (refusalToWrite(place) ?? error);
  const trouble = diskTroubleOf(why);
  if (trouble !== undefined) {
    const told = diskError(
      trouble,
      'the state directory cannot be used',
      `the file system of ${place}`,
      error,
    );
    return new TreecastError(told.code, told.message, {
      cause: error,
      data: { ...told.data, directory },
      fix: 'Look at the kernel log and at the free space; mend the disk, or mount it writable, then try again.',
    });
  }
  const errno = (why as NodeJS.ErrnoException).code;
  if (errno !== 'EACCES' && errno !== 'EPERM') return error;
  return new TreecastError('INVALID_CONFIGURATION', `This user may not write ${place} (${errno}).`, {
    cause: error,
    data: { directory },
    fix: `Run it as the user whom ${directory} belongs to, or give it to this one: chown -R USER ${directory}.`,
  });
}

function nearest(path: string): string {
  let at = path;
  while (!existsSync(at) && at !== dirname(at)) at = dirname(at);
  return at;
}

function refusalToWrite(path: string): unknown {
  try {
    accessSync(path, constants.W_OK);
    return undefined;
  } catch (error) {
    return error;
  }
}
