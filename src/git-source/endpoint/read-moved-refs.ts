// Which of a push's refs now are where it wanted them, asked of Git: for pushes whose report is missing.

import type { RefUpdate } from '../push-authority.ts';
import { isRefName } from '../ref-name.ts';
import { runGit } from '../run-git.ts';

export async function readMovedRefs(
  repositoryPath: string,
  updates: readonly RefUpdate[],
): Promise<ReadonlySet<string>> {
  const names = updates.map((update) => update.ref).filter(isRefName);
  const output = await runGit(['for-each-ref', '--format=%(objectname) %(refname)', 'refs/'], {
    repositoryPath,
  });
  const refs = new Map(
    output
      .toString('utf8')
      .split('\n')
      .map((line): [string, string] => [line.slice(line.indexOf(' ') + 1), line.slice(0, line.indexOf(' '))]),
  );
  const moved = updates.filter(
    (update) => names.includes(update.ref) && (refs.get(update.ref) ?? zeros(update.after)) === update.after,
  );
  return new Set(moved.map((update) => update.ref));
}

function zeros(like: string): string {
  return '0'.repeat(like.length);
}
