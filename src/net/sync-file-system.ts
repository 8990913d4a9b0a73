// syncfs(2), which Node does not offer, by coreutils' `sync -f`: everything that was written to the file system of a path is durable.

import { execFile } from 'node:child_process';

/** False when the program is missing or a disk failed. */
export function syncFileSystem(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    execFile('sync', ['-f', path], (error) => resolve(error === null));
  });
}
