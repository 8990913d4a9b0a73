// Makes the names that a push gave durable: Git syncs the contents of objects and refs (core.fsync), but not the directories they were
// renamed into. Only then may a row say that the head was handled: a start after a power cut would take a lost ref for a push to an older commit.

import { readdirSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** File systems keep times no finer than this. */
const timesMs = 50;

/** `sinceMs`: when the push began, by the machine's clock. Throws what the disk answers. */
export async function syncPush(
  repositoryPath: string,
  refs: readonly string[],
  sinceMs: number,
): Promise<void> {
  const directories = new Set(changedObjectDirectories(join(repositoryPath, 'objects'), sinceMs));
  for (const ref of refs) {
    for (let at = dirname(ref); at !== '.'; at = dirname(at)) directories.add(join(repositoryPath, at));
  }
  await Promise.all([...directories].map(syncDirectory));
}

function changedObjectDirectories(objects: string, sinceMs: number): string[] {
  const directories = [objects, ...readdirSync(objects).map((name) => join(objects, name))];
  return directories.filter((path) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat?.isDirectory() === true && stat.mtimeMs >= sinceMs - timesMs;
  });
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    // A ref may have been packed, or removed with its directory.
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  try {
    await handle?.sync();
  } finally {
    await handle?.close();
  }
}
