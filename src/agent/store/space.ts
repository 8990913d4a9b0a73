// Space on a site's file system, in numbers and in words: what is left, what an assignment takes, and the refusal that names both (N39).
// Whose claims count is space-ledger.ts's decision.

import type { AssignmentHeader } from '../../model/assignment.ts';
import { bytesText } from '../../model/bytes-text.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { diskError, diskTroubleOf } from '../../net/disk-trouble.ts';
import type { Disk } from './disk.ts';

export interface Space {
  readonly bytes: number;
  readonly inodes: number;
}

export const noSpace: Space = { bytes: 0, inodes: 0 };

/** What a process without privileges may still take; file systems without a fixed number of inodes have no end of them. */
export function freeSpaceOf(disk: Disk, directory: string): Space {
  // Blocks are counted in fragments, which some FUSE file systems have smaller than the blocks they like to be read in.
  const { bavail, bsize, frsize, ffree, files } = disk.statfs(directory);
  return {
    bytes: Math.max(0, bavail) * (frsize || bsize),
    inodes: files === 0 ? Number.POSITIVE_INFINITY : ffree,
  };
}

/** `inboxBytes` is what is still to be received onto the disk. */
export function spaceNeeded({ space }: AssignmentHeader, inboxBytes: number): Space {
  return { bytes: inboxBytes + space.decodedBytes + space.temporaryBytes, inodes: space.inodes };
}

export function addSpace(a: Space, b: Space): Space {
  return { bytes: a.bytes + b.bytes, inodes: a.inodes + b.inodes };
}

/** Undefined when `need` fits into what is left beside the claims of others. */
export function spaceRefusal(
  need: Space,
  left: Space,
  claimed: Space,
  directory: string,
): TreecastError | undefined {
  const missing = {
    bytes: Math.max(0, need.bytes + claimed.bytes - left.bytes),
    inodes: Math.max(0, need.inodes + claimed.inodes - left.inodes),
  };
  if (missing.bytes === 0 && missing.inodes === 0) return undefined;
  const promised =
    claimed.bytes + claimed.inodes === 0
      ? ''
      : `, of which other sites that are being published take ${inWords(claimed)}`;
  return new TreecastError(
    'SPACE_INSUFFICIENT',
    `the release needs ${inWords(need)} on the file system of ${directory}, which has ${bothInWords(left)} left${promised}`,
    { fix: freeThem(missing), data: { directory, ...figures(need, left, missing) } },
  );
}

/** An error as the pusher should read it: when the disk is to blame, with where, and how much is left of what was needed. */
export function explainDisk(
  error: unknown,
  doing: string,
  { disk, directory, need }: { readonly disk: Disk; readonly directory: string; readonly need: Space | null },
): unknown {
  const trouble = diskTroubleOf(error);
  if (trouble === undefined || (error instanceof TreecastError && error.code === 'DISK_FAILED')) return error;
  const what = error instanceof TreecastError ? error.message : doing;
  const told = diskError(trouble, what, `the file system of ${directory}`, error);
  if (trouble.kind !== 'full' || need === null) return told;
  const left = leftNow(disk, directory);
  if (left === null) return told;
  const missing = {
    bytes: Math.max(0, need.bytes - left.bytes),
    inodes: Math.max(0, need.inodes - left.inodes),
  };
  return new TreecastError(
    'SPACE_INSUFFICIENT',
    `${told.message}: the release needs ${inWords(need)}, and ${bothInWords(left)} are left`,
    {
      cause: error,
      fix: missing.bytes + missing.inodes === 0 ? (told.fix as string) : freeThem(missing),
      data: { ...told.data, directory, ...figures(need, left, missing) },
    },
  );
}

function leftNow(disk: Disk, directory: string): Space | null {
  try {
    return freeSpaceOf(disk, directory);
  } catch {
    return null;
  }
}

function figures(need: Space, left: Space, missing: Space) {
  return {
    missingBytes: missing.bytes,
    missingInodes: missing.inodes,
    requiredBytes: need.bytes,
    availableBytes: left.bytes,
    requiredInodes: need.inodes,
    availableInodes: Number.isFinite(left.inodes) ? left.inodes : null,
  };
}

function freeThem(missing: Space): string {
  return `Free at least ${inWords(missing)} there, then publish again.`;
}

function inWords(space: Space): string {
  if (space.inodes === 0) return bytesText(space.bytes);
  return space.bytes === 0 ? inodesText(space.inodes) : bothInWords(space);
}

function bothInWords({ bytes, inodes }: Space): string {
  return Number.isFinite(inodes) ? `${bytesText(bytes)} and ${inodesText(inodes)}` : bytesText(bytes);
}

function inodesText(inodes: number): string {
  return `${inodes} inode${inodes === 1 ? '' : 's'}`;
}
