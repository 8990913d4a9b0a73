// Puts a finished assignment under its id: `<id>.manifest` and `<id>.data`, each written once, durable and whole or not there.

import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { failpoint } from '../faults/failpoint.ts';
import type { FinishedData } from './data-sink.ts';

export interface AssignmentPaths {
  readonly manifestPath: string;
  readonly dataPath: string;
}

export function assignmentPaths(directory: string, id: string): AssignmentPaths {
  return { manifestPath: join(directory, `${id}.manifest`), dataPath: join(directory, `${id}.data`) };
}

/** Names of temporaries start with this; what a crash left of them may be removed when no build runs. */
export const temporaryPrefix = '.build-';

export async function storeAssignment(
  directory: string,
  id: string,
  manifest: Uint8Array,
  content: FinishedData['content'],
): Promise<void> {
  const { manifestPath, dataPath } = assignmentPaths(directory, id);
  const temporary = (suffix: string) => join(directory, `${temporaryPrefix}${id}.${suffix}`);
  const data = 'temporary' in content ? content.temporary : temporary('data');
  try {
    await Promise.all([
      'bytes' in content ? writeDurably(data, content.bytes) : undefined,
      writeDurably(temporary('manifest'), manifest),
    ]);
    failpoint('ccm.assignment.written');
    // The manifest last: where there is one, its data is there too.
    await rename(data, dataPath);
    failpoint('ccm.assignment.data-named');
    await rename(temporary('manifest'), manifestPath);
    failpoint('ccm.assignment.named');
  } catch (error) {
    const left = [data, temporary('manifest'), dataPath];
    await Promise.all(left.map((path) => rm(path, { force: true })));
    throw error;
  }
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
    failpoint('ccm.assignment.stored');
  } finally {
    await handle.close();
  }
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(bytes);
    await file.datasync();
  } finally {
    await file.close();
  }
}
