// Reading staging repositories: the one interface that the planner, the builder and the guards use.
// Backends: native (git plumbing) and isomorphic-git; both pass the same conformance suite and give the same answers.

import type { ObjectId, TreeChange, TreeEntry, TreeSide } from '../model/tree.ts';

export interface GitSource {
  /** The commit a ref or full commit id names, peeled; undefined when there is none. Never interprets options or revision syntax. */
  resolveCommit(ref: string): Promise<ObjectId | undefined>;
  /** The commit's own tree. Throws REF_UNKNOWN when `commit` is not a commit here. */
  treeOf(commit: ObjectId): Promise<ObjectId>;
  /**
   * What differs between two trees, recursively, leaves only, in bytewise order of paths. An empty-tree id is accepted on both sides
   * whether or not the object exists. A path that changes between file and directory appears as the deleted path and the new ones.
   * Attributes, renames and textconv are never applied. Throws PATH_NOT_UTF8.
   */
  diffTrees(base: ObjectId, target: ObjectId): Promise<TreeChange[]>;
  /** Every leaf of a tree in bytewise order of paths. Throws PATH_NOT_UTF8. */
  listTree(tree: ObjectId): AsyncIterable<TreeEntry>;
  /** What these paths are in the tree, directories (mode 040000) included; paths that are not there are left out. */
  findEntries(tree: ObjectId, paths: readonly string[]): Promise<ReadonlyMap<string, TreeSide>>;
  /** The names in these directories of the tree (`''` is its root); paths that are no directories are left out. Throws PATH_NOT_UTF8. */
  listDirectories(tree: ObjectId, paths: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>>;
  /** Sizes in bytes of blobs, in the order asked. */
  blobSizes(ids: readonly ObjectId[]): Promise<number[]>;
  /** A whole blob; for blobs larger than a caller wants to hold use {@link streamBlob}. */
  readBlob(id: ObjectId): Promise<Buffer>;
  streamBlob(id: ObjectId): AsyncIterable<Buffer>;
  /** Keeps a tree from garbage collection by the hidden ref `refs/treecast/trees/<tree>`; idempotent. */
  keepTree(tree: ObjectId): Promise<void>;
  /** Ends {@link keepTree}; idempotent. A keepTree that is called meanwhile holds. */
  releaseTree(tree: ObjectId): Promise<void>;
  /** What {@link keepTree} keeps now. */
  keptTrees(): Promise<ObjectId[]>;
  /** All branches and their commits. */
  branches(): Promise<ReadonlyMap<string, ObjectId>>;
  /** Stops helper processes; further calls throw. */
  close(): Promise<void>;
}
