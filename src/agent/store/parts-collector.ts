// Brings the parts of one release together: it is staged when all are in, in their order. Only one release is collected at a time.

import type { AssignmentHeader } from '../../model/assignment.ts';
import { compareReleases, type Release } from '../../model/release.ts';
import type { ReceivedAssignment } from './inbox.ts';

export interface PartsCollector {
  /** All parts in order when this was the last one missing. Parts of another release or tree push out what was collected. */
  add(part: ReceivedAssignment): readonly ReceivedAssignment[] | undefined;
  forget(release: Release): void;
  clear(): void;
}

export function createPartsCollector(): PartsCollector {
  const parts = new Map<number, ReceivedAssignment>();

  return {
    add(part) {
      const [other] = parts.values();
      if (other && !belongTogether(other.header, part.header)) parts.clear();
      parts.set(part.header.part.index, part);
      if (parts.size < part.header.part.of) return undefined;
      return [...parts.values()].sort((a, b) => a.header.part.index - b.header.part.index);
    },
    forget(release) {
      for (const [index, { header }] of parts) {
        if (compareReleases(header.release, release) === 0) parts.delete(index);
      }
    },
    clear: () => parts.clear(),
  };
}

function belongTogether(a: AssignmentHeader, b: AssignmentHeader): boolean {
  return (
    compareReleases(a.release, b.release) === 0 &&
    a.part.of === b.part.of &&
    a.baseTree === b.baseTree &&
    a.targetTree === b.targetTree
  );
}
