// What the kept assets of one site are: since which release the live tree lacks each, and the releases that were live since.
// Pure but for reading and writing the file; it touches no kept file.

import { readFile, rm } from 'node:fs/promises';
import { z } from 'zod';
import { writeFileAtomic } from '../../net/atomic-file.ts';

const journalSchema = z.object({
  version: z.literal(1),
  releases: z.array(z.string()),
  left: z.record(z.string(), z.string()),
});

export interface KeptJournal {
  /** Releases that were live, oldest first; as many as matter. */
  readonly releases: readonly string[];
  /** Path → the release that lacks it first. */
  readonly left: ReadonlyMap<string, string>;
}

/** Null when there is none, or none that can be read. */
export async function readKeptJournal(path: string): Promise<KeptJournal | null> {
  try {
    const { releases, left } = journalSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    return { releases, left: new Map(Object.entries(left)) };
  } catch (error) {
    if (isSystemError(error) && error.code !== 'ENOENT') throw error;
    return null;
  }
}

export async function writeKeptJournal(path: string, { releases, left }: KeptJournal): Promise<void> {
  const text = JSON.stringify({ version: 1, releases, left: Object.fromEntries(left) });
  await writeFileAtomic(path, text, 0o600);
}

export async function removeKeptJournal(path: string): Promise<void> {
  await rm(path, { force: true });
}

/**
 * The journal once `from` is known to be live and `to` is about to be: paths that `to` lacks are added, those that left before the last
 * `k` releases go. A release that was staged but never live counts for nothing.
 */
export function advance(
  journal: KeptJournal,
  { from, to, lacking, releasesMax, pathsMax }: Advance,
): { readonly journal: KeptJournal; readonly dropped: readonly string[] } {
  const releases = [...journal.releases.filter((release) => release !== from), from].slice(-releasesMax);
  const current = new Set([...releases, to]);
  const dropped: string[] = [];
  const left = new Map<string, string>();
  for (const [path, release] of journal.left) {
    if (lacking.has(path)) continue;
    if (current.has(release)) left.set(path, release);
    else dropped.push(path);
  }
  for (const path of lacking) left.set(path, to);
  // Too many: those that left first go first.
  for (const path of [...left.keys()].slice(0, Math.max(0, left.size - pathsMax))) {
    left.delete(path);
    dropped.push(path);
  }
  return { journal: { releases, left }, dropped };
}

interface Advance {
  readonly from: string;
  readonly to: string;
  readonly lacking: ReadonlySet<string>;
  readonly releasesMax: number;
  readonly pathsMax: number;
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}
