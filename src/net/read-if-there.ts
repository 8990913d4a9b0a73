// A small text file that may not be there yet. What it says is its reader's business.

import { readFile } from 'node:fs/promises';

/** Undefined when there is no such file; throws what else keeps it from being read. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
