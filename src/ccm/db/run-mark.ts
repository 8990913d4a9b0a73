// Each run of the CCM writes a number of its own into the database file (`user_version`) and, beside it, into `last-run.json`. When the
// two differ at the next start, the file is not the one that ran here last: a copy was put back. A backup has a number of its own.

import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { failpoint } from '../../faults/failpoint.ts';
import { writeFileAtomic } from '../../net/atomic-file.ts';
import type { CcmDatabase } from './ccm-database.ts';
import { databaseError } from './database-error.ts';

/** Of a file that `ccm backup` made; no run has it. */
export const backupMark = 1;

const schema = z.strictObject({ version: z.literal(1), marks: z.array(z.int().min(0)).max(8) });

/** The numbers that the file here may have; undefined when nothing is known (a first start, a directory that was moved without it). */
export function readRunMarks(directory: string): readonly number[] | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(pathOf(directory), 'utf8'))).marks;
  } catch {
    return undefined;
  }
}

/** The file is a backup, or not the one that ran here last. */
export function isCopy(mark: number | null, marks: readonly number[] | undefined): boolean {
  if (mark === null) return false;
  return mark === backupMark ? marks?.includes(mark) !== true : marks !== undefined && !marks.includes(mark);
}

/** `before`: what the file's header had. A crash between any two steps leaves a file that is known. Throws DATABASE_UNAVAILABLE. */
export async function markRun(
  directory: string,
  database: CcmDatabase,
  before: number | null,
): Promise<void> {
  const mark = randomInt(backupMark + 1, 2 ** 31);
  try {
    // The last run's number comes out of the log into the header whenever the log is copied back, also when this start fails.
    await write(directory, [...new Set([before ?? 0, database.marked()]), mark]);
    failpoint('ccm.run-mark.announced');
    if (!database.mark(mark)) return;
    failpoint('ccm.run-mark.made');
    await write(directory, [mark]);
    failpoint('ccm.run-mark.settled');
  } catch (error) {
    throw databaseError(error, join(directory, 'ccm.db'));
  }
}

function write(directory: string, marks: readonly number[]): Promise<void> {
  return writeFileAtomic(pathOf(directory), `${JSON.stringify({ version: 1, marks })}\n`, 0o600);
}

function pathOf(directory: string): string {
  return join(directory, 'last-run.json');
}
