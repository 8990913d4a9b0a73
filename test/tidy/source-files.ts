// The files that the repository's own rules look at: everything tracked or about to be, with its text.

import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../run/repository-root.ts';

export interface SourceFile {
  /** From the repository's root, `/`-separated. */
  readonly path: string;
  readonly text: string;
}

/** Text files known to Git or untracked and not ignored; files deleted on disk are left out. */
export function sourceFiles(): SourceFile[] {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: repositoryRoot,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  const files: SourceFile[] = [];
  for (const path of new Set(listed.split('\0'))) {
    if (path === '' || !isFile(join(repositoryRoot, path))) continue;
    const text = readFileSync(join(repositoryRoot, path), 'utf8');
    if (!text.includes('\0')) files.push({ path, text });
  }
  return files;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
