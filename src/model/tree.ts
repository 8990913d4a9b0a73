// Git trees as Treecast sees them: entries by path, and what changed between two trees.
// Paths are relative, `/`-separated, UTF-8, in Git's own spelling; ids are lower-case hex (40 digits, or 64 in SHA-256 repositories).

export type ObjectId = string;

/** Git's own modes for what Treecast can publish; a tree's executable bit is the owner's x bit on disk. */
export type FileMode = '100644' | '100755';
export type EntryMode = FileMode | '120000';

/** A submodule; it is never published, only refused. */
export const submoduleMode = '160000';

export const emptyTreeIds: readonly ObjectId[] = [
  '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
  '6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321',
];

export function emptyTreeId(like?: ObjectId): ObjectId {
  return (like?.length === 64 ? emptyTreeIds[1] : emptyTreeIds[0]) as ObjectId;
}

export interface TreeEntry {
  readonly path: string;
  /** Six octal digits as Git prints them, including `160000` (submodule) in what was not checked yet. */
  readonly mode: string;
  readonly id: ObjectId;
}

/** One side of a change. */
export interface TreeSide {
  readonly mode: string;
  readonly id: ObjectId;
}

/** A path that differs between base and target. `before` is absent for a new path, `after` for a deleted one. */
export interface TreeChange {
  readonly path: string;
  readonly before?: TreeSide;
  readonly after?: TreeSide;
}
