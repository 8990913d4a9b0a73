// Tells what a disk does to a program apart from everything else that can fail: it is full, it may only be read, or it breaks.
// Understands errno codes and SQLite's result codes, also as the cause of an error that says what was being done.

import { TreecastError } from '../model/treecast-error.ts';

export interface DiskTrouble {
  readonly kind: 'full' | 'read-only' | 'failing';
  /** `ENOSPC`, `EDQUOT`, `EROFS`, `EIO`, or `SQLITE` with its result code. */
  readonly errno: string;
}

const kinds: Readonly<Record<string, DiskTrouble['kind']>> = {
  ENOSPC: 'full',
  EDQUOT: 'full',
  EROFS: 'read-only',
  EIO: 'failing',
  ENXIO: 'failing',
  ENODEV: 'failing',
  // SQLITE_READONLY, SQLITE_IOERR, SQLITE_FULL
  SQLITE8: 'read-only',
  SQLITE10: 'failing',
  SQLITE13: 'full',
};
const causesMax = 6;

/** Undefined when the disk is not to blame. */
export function diskTroubleOf(error: unknown): DiskTrouble | undefined {
  let at = error;
  for (let depth = 0; depth < causesMax && at instanceof Error; depth++) {
    const { code, errcode } = at as { code?: unknown; errcode?: unknown };
    const errno = typeof errcode === 'number' ? `SQLITE${errcode & 0xff}` : String(code);
    const kind = Object.hasOwn(kinds, errno) ? kinds[errno] : undefined;
    if (kind !== undefined) return { kind, errno };
    at = at.cause;
  }
  return undefined;
}

/** What a disk's trouble means for whoever reads it. `place`: `the file system of /srv/sites`. */
export function diskError(
  { kind, errno }: DiskTrouble,
  what: string,
  place: string,
  cause: unknown,
): TreecastError {
  const data = { errno };
  switch (kind) {
    case 'full':
      return new TreecastError(
        'SPACE_INSUFFICIENT',
        errno === 'EDQUOT'
          ? `${what}: the agent’s or CCM’s quota on ${place} is used up`
          : `${what}: ${place} is full`,
        { cause, data, fix: 'Free space there, or give it more, then publish again.' },
      );
    case 'read-only':
      return new TreecastError('DISK_FAILED', `${what}: ${place} is mounted read-only`, {
        cause,
        data,
        fix: 'Look at the kernel log (a disk with errors is remounted so), mount it writable, then publish again.',
      });
    case 'failing':
      return new TreecastError('DISK_FAILED', `${what}: ${place} failed (${errno})`, {
        cause,
        data,
        fix: 'Look at the kernel log, and replace the disk if it has errors; then publish again.',
      });
  }
}
