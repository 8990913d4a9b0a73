// How much a node's file system has left, for hellos.

import { statfsSync } from 'node:fs';

/** What an unprivileged process may use; zeros when it cannot be asked. */
export function freeSpace(directory: string): { readonly freeBytes: number; readonly freeInodes: number } {
  try {
    const { bavail, bsize, frsize, ffree, files } = statfsSync(directory);
    // File systems without a fixed number of inodes say zero for both.
    return {
      freeBytes: bavail * (frsize || bsize),
      freeInodes: files === 0 ? Number.MAX_SAFE_INTEGER : ffree,
    };
  } catch {
    return { freeBytes: 0, freeInodes: 0 };
  }
}
