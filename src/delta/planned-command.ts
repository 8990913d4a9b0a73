// What the planner hands to the builder: the assignment's commands before any byte was read. A planned `write` becomes a `write`
// or, when its base makes it smaller, a `patch`; a planned `symlink` gets its target from its blob.

import type { Command } from '../model/assignment.ts';
import type { FileMode, ObjectId } from '../model/tree.ts';

export interface PlannedWrite {
  readonly do: 'write';
  readonly path: string;
  readonly mode: FileMode;
  readonly blob: ObjectId;
  readonly size: number;
  readonly mtime: number;
  /** The file at this path in the base tree. */
  readonly base?: { readonly from: string; readonly blob: ObjectId; readonly size: number };
}

/** What makes the target tree of the base tree. */
export type PlannedTreeCommand =
  | Extract<Command, { readonly do: 'mkdir' | 'rmdir' | 'copy' | 'remove' }>
  | PlannedWrite
  /** `size` is that of the file: a new mode takes a new inode. */
  | (Extract<Command, { readonly do: 'mode' }> & { readonly size: number })
  | { readonly do: 'symlink'; readonly path: string; readonly blob: ObjectId; readonly mtime: number };

/** Plugin commands come after all others. */
export type PlannedCommand = PlannedTreeCommand | Extract<Command, { readonly do: 'plugin' }>;
