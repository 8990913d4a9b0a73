// `git ls-tree` as a process: every leaf of a tree, parsed as it streams.

import type { ObjectId, TreeEntry } from '../model/tree.ts';
import { TreecastError } from '../model/treecast-error.ts';
import type { GitEnvironment } from './git-environment.ts';
import { streamGit } from './run-git.ts';
import { treeEntriesMax, treeTooLarge } from './tree-limits.ts';
import { decodePath } from './tree-path.ts';

export interface ListTreeCommand {
  readonly repositoryPath: string;
  readonly environment: GitEnvironment;
}

const recordBytesMax = 1_048_576;

/** Leaves in bytewise order of paths. */
export async function* runListTree(command: ListTreeCommand, tree: ObjectId): AsyncGenerator<TreeEntry> {
  let seen = 0;
  for await (const records of splitRecords(
    streamGit(['ls-tree', '-r', '-z', '--full-tree', tree], command),
  )) {
    seen += records.length;
    if (seen > treeEntriesMax) throw treeTooLarge();
    for (const record of records) {
      const match = /^(\d{6}) \w+ ([0-9a-f]+)\t(.+)$/s.exec(record);
      if (!match) throw unreadable('ls-tree');
      yield { path: decodePath(match[3] as string), mode: match[1] as string, id: match[2] as string };
    }
  }
}

/** NUL-terminated records, as latin1, in the portions they come in: one by one they would cost more than their reading. */
async function* splitRecords(parts: AsyncIterable<Buffer>): AsyncGenerator<string[]> {
  let rest = '';
  for await (const part of parts) {
    const records = (rest + part.toString('latin1')).split('\0');
    rest = records.pop() ?? '';
    if (rest.length > recordBytesMax) throw unreadable('git');
    yield records;
  }
  if (rest !== '') throw unreadable('git');
}

function unreadable(command: string): TreecastError {
  return new TreecastError('GIT_FAILED', `The output of ${command} is not understood.`, {
    fix: 'Check the version of git: 2.36 or newer is needed.',
  });
}
