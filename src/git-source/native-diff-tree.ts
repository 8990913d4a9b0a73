// `git diff-tree` and `git ls-tree` as processes, for trees that are too large to walk object by object. Output is parsed as it streams.

import type { ObjectId, TreeChange, TreeEntry } from '../model/tree.ts';
import { TreecastError } from '../model/treecast-error.ts';
import type { GitEnvironment } from './git-environment.ts';
import { streamGit } from './run-git.ts';
import { treeEntriesMax, treeTooLarge } from './tree-limits.ts';
import { decodePath } from './tree-path.ts';

export interface NativeTreeCommand {
  readonly repositoryPath: string;
  readonly environment: GitEnvironment;
}

const absentMode = '000000';
const recordBytesMax = 1_048_576;

/** Changes in bytewise order of paths. */
export async function runDiffTree(
  command: NativeTreeCommand,
  base: ObjectId,
  target: ObjectId,
): Promise<TreeChange[]> {
  const args = ['diff-tree', '-r', '-z', '--raw', '--no-renames', '--no-abbrev', '--ignore-submodules=none'];
  const changes: { path: string; change: Omit<TreeChange, 'path'> }[] = [];
  let facts: string | undefined;
  for await (const record of splitRecords(streamGit([...args, base, target], command))) {
    if (facts === undefined) {
      facts = record;
      continue;
    }
    const match = /^:(\d{6}) (\d{6}) ([0-9a-f]+) ([0-9a-f]+) [A-Z]\d*$/.exec(facts);
    if (!match) throw unreadable('diff-tree');
    const [, oldMode, newMode, oldId, newId] = match as unknown as [string, string, string, string, string];
    changes.push({
      path: record,
      change: {
        ...(oldMode !== absentMode && { before: { mode: oldMode, id: oldId } }),
        ...(newMode !== absentMode && { after: { mode: newMode, id: newId } }),
      },
    });
    facts = undefined;
    if (changes.length > treeEntriesMax) throw treeTooLarge();
  }
  changes.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  return changes.map(({ path, change }) => ({ path: decodePath(path), ...change }));
}

/** Leaves in bytewise order of paths. */
export async function* runListTree(command: NativeTreeCommand, tree: ObjectId): AsyncGenerator<TreeEntry> {
  let seen = 0;
  for await (const record of splitRecords(streamGit(['ls-tree', '-r', '-z', '--full-tree', tree], command))) {
    const match = /^(\d{6}) \w+ ([0-9a-f]+)\t(.+)$/s.exec(record);
    if (!match) throw unreadable('ls-tree');
    seen += 1;
    if (seen > treeEntriesMax) throw treeTooLarge();
    yield { path: decodePath(match[3] as string), mode: match[1] as string, id: match[2] as string };
  }
}

/** NUL-terminated records, as latin1. */
async function* splitRecords(parts: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = '';
  for await (const part of parts) {
    const records = (rest + part.toString('latin1')).split('\0');
    rest = records.pop() ?? '';
    if (rest.length > recordBytesMax) throw unreadable('git');
    yield* records;
  }
  if (rest !== '') throw unreadable('git');
}

function unreadable(command: string): TreecastError {
  return new TreecastError('GIT_FAILED', `The output of ${command} is not understood.`, {
    fix: 'Check the version of git: 2.36 or newer is needed.',
  });
}
