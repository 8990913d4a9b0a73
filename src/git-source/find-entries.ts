// What some paths are in a tree: walks from the root, reading each directory on the way once.

import { emptyTreeIds, type ObjectId, type TreeSide } from '../model/tree.ts';
import { directoryMode, type TreeObjectEntry } from './tree-object.ts';

export async function findEntries(
  readTree: (id: ObjectId) => Promise<readonly TreeObjectEntry[]>,
  tree: ObjectId,
  paths: readonly string[],
): Promise<Map<string, TreeSide>> {
  const found = new Map<string, TreeSide>();
  if (paths.length === 0 || emptyTreeIds.includes(tree)) return found;
  type Directory = ReadonlyMap<string, TreeObjectEntry>;
  /** By path; the root is ''. Undefined where there is no directory. */
  const known = new Map<string, Promise<Directory | undefined>>();

  async function read(id: ObjectId): Promise<Directory> {
    return new Map((await readTree(id)).map((entry) => [entry.name, entry]));
  }

  function directoryAt(path: string): Promise<Directory | undefined> {
    let answer = known.get(path);
    if (answer === undefined) {
      answer =
        path === ''
          ? read(tree)
          : entryAt(path).then((entry) => (entry?.mode === directoryMode ? read(entry.id) : undefined));
      known.set(path, answer);
    }
    return answer;
  }

  async function entryAt(path: string): Promise<TreeObjectEntry | undefined> {
    const slash = path.lastIndexOf('/');
    const parent = await directoryAt(path.slice(0, Math.max(0, slash)));
    return parent?.get(Buffer.from(path.slice(slash + 1), 'utf8').toString('latin1'));
  }

  for (const path of paths) {
    const entry = await entryAt(path);
    if (entry !== undefined) found.set(path, { mode: entry.mode, id: entry.id });
  }
  return found;
}
