// A directory that holds secrets: its owner's alone. What lies open in it is closed and named, so that its owner hears of it;
// what a crash left behind of a file that was being replaced is removed.

import { chmod, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** For the log. */
export const secretsLayOpen =
  'secrets could be read by other users and are closed now: rotate them, if anybody may have';

const othersMay = 0o077;
const leftover = /\.\d+\.tmp$/;

/** Makes it when it is missing. Resolves to what others could read or write until now: nothing, while the directory itself was closed. */
export async function closeSecretDirectory(directory: string): Promise<string[]> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const open: string[] = [];
  const tighten = async (path: string, mode: number): Promise<void> => {
    if (((await stat(path)).mode & othersMay) === 0) return;
    await chmod(path, mode);
    open.push(path);
  };
  await tighten(directory, 0o700);
  const wasOpen = open.length > 0;
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (leftover.test(entry.name)) await rm(path, { force: true });
    else if (entry.isFile()) await tighten(path, 0o600);
  }
  return wasOpen ? open : [];
}
