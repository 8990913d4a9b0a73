// Which of some paths are directories of a tree: walks from the root, reading each directory on the way once.

import { emptyTreeIds, type ObjectId } from '../model/tree.ts';
import { directoryMode, type TreeObjectEntry } from './tree-object.ts';

export async function findDirectories(
  readTree: (id: ObjectId) => Promise<readonly TreeObjectEntry[]>,
  tree: ObjectId,
  paths: readonly string[],
): Promise<Set<string>> {
  const found = new Set<string>();
  if (paths.length === 0 || emptyTreeIds.includes(tree)) return found;
  /** By path; the root is ''. */
  const known = new Map<string, Promise<ReadonlyMap<string, ObjectId> | undefined>>();

  async function read(id: ObjectId | undefined): Promise<ReadonlyMap<string, ObjectId> | undefined> {
    if (id === undefined) return undefined;
    const entries = await readTree(id);
    return new Map(
      entries.filter((entry) => entry.mode === directoryMode).map((entry) => [entry.name, entry.id]),
    );
  }

  /** The directories in a directory; undefined when there is none at this path. */
  function directoriesIn(path: string): Promise<ReadonlyMap<string, ObjectId> | undefined> {
    let answer = known.get(path);
    if (answer === undefined) {
      answer = path === '' ? read(tree) : idOf(path).then(read);
      known.set(path, answer);
    }
    return answer;
  }

  async function idOf(path: string): Promise<ObjectId | undefined> {
    const slash = path.lastIndexOf('/');
    const parent = await directoriesIn(path.slice(0, Math.max(0, slash)));
    return parent?.get(Buffer.from(path.slice(slash + 1), 'utf8').toString('latin1'));
  }

  for (const path of paths) if ((await idOf(path)) !== undefined) found.add(path);
  return found;
}
