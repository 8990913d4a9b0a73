// What some paths are in a tree, and what is in some of its directories: walks from the root, reading each directory on the way once.

import { emptyTreeIds, type ObjectId, type TreeSide } from '../model/tree.ts';
import { directoryMode, type TreeObjectEntry } from './tree-object.ts';
import { decodePath } from './tree-path.ts';

type ReadTree = (id: ObjectId) => Promise<readonly TreeObjectEntry[]>;
type Directory = ReadonlyMap<string, TreeObjectEntry>;

export async function findEntries(
  readTree: ReadTree,
  tree: ObjectId,
  paths: readonly string[],
): Promise<Map<string, TreeSide>> {
  const found = new Map<string, TreeSide>();
  const { entryAt } = createDirectories(readTree, tree);
  for (const path of paths) {
    const entry = await entryAt(path);
    if (entry !== undefined) found.set(path, { mode: entry.mode, id: entry.id });
  }
  return found;
}

export async function listDirectories(
  readTree: ReadTree,
  tree: ObjectId,
  paths: readonly string[],
): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  const { directoryAt } = createDirectories(readTree, tree);
  for (const path of paths) {
    const directory = await directoryAt(path);
    if (directory !== undefined) found.set(path, [...directory.keys()].map(decodePath));
  }
  return found;
}

function createDirectories(readTree: ReadTree, tree: ObjectId) {
  /** By path; the root is ''. Undefined where there is no directory. */
  const known = new Map<string, Promise<Directory | undefined>>();

  async function read(id: ObjectId): Promise<Directory> {
    if (emptyTreeIds.includes(id)) return new Map();
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

  return { directoryAt, entryAt };
}
