// Who on this node has claimed space for a release that is being received or staged, so that sites that are published at once do
// not each count on the same free space (N39). One ledger for all stores of an agent; claims go with the process.

import type { AssignmentHeader } from '../../model/assignment.ts';
import { compareReleases } from '../../model/release.ts';
import type { Disk } from './disk.ts';
import { addSpace, freeSpaceOf, noSpace, type Space, spaceNeeded, spaceRefusal } from './space.ts';

export interface SpaceLedger {
  readonly claims: Map<object, Claim>;
}

interface Claim {
  readonly device: number;
  readonly space: Space;
}

export function createSpaceLedger(): SpaceLedger {
  return { claims: new Map() };
}

/** The claims of one site: by assignment, since a release may come in several. */
export interface SiteSpace {
  /** Takes the place of all older claims but those for the other parts of the same release. Throws SPACE_INSUFFICIENT, and then claims nothing for it. */
  claim(header: AssignmentHeader, inboxBytes: number): void;
  /** Everything that is claimed. */
  claimed(): Space;
  /** That share of what is claimed was written: the file system counts it from now on. */
  written(share: number): void;
  /** Of the assignments that this says it of; all of them without. */
  release(isOver?: (header: AssignmentHeader) => boolean): void;
}

function isAnotherPart(a: AssignmentHeader, b: AssignmentHeader): boolean {
  return (
    compareReleases(a.release, b.release) === 0 &&
    a.baseTree === b.baseTree &&
    a.targetTree === b.targetTree &&
    a.part.index !== b.part.index
  );
}

export function createSiteSpace(
  disk: Disk,
  directory: string,
  ledger: SpaceLedger = createSpaceLedger(),
): SiteSpace {
  const own = {};
  const assignments = new Map<string, { readonly header: AssignmentHeader; readonly space: Space }>();

  const total = (): Space => [...assignments.values()].map(({ space }) => space).reduce(addSpace, noSpace);

  function drop(isOver: (header: AssignmentHeader) => boolean): void {
    for (const [id, { header }] of assignments) if (isOver(header)) assignments.delete(id);
  }

  function publish(device: number, share: number): void {
    const { bytes, inodes } = total();
    const space = { bytes: Math.round(bytes * share), inodes: Math.round(inodes * share) };
    if (bytes + inodes === 0) ledger.claims.delete(own);
    else ledger.claims.set(own, { device, space });
  }

  function claimedByOthers(device: number): Space {
    let sum = noSpace;
    for (const [claimant, claim] of ledger.claims) {
      if (claimant !== own && claim.device === device) sum = addSpace(sum, claim.space);
    }
    return sum;
  }

  const deviceOf = () => disk.lstat(directory)?.dev ?? 0;

  return {
    claim(header, inboxBytes) {
      drop((other) => !isAnotherPart(other, header));
      assignments.set(header.id, { header, space: spaceNeeded(header, inboxBytes) });
      const device = deviceOf();
      const refusal = spaceRefusal(total(), freeSpaceOf(disk, directory), claimedByOthers(device), directory);
      if (refusal) assignments.delete(header.id);
      publish(device, 1);
      if (refusal) throw refusal;
    },
    claimed: total,
    written(share) {
      const claim = ledger.claims.get(own);
      if (claim) publish(claim.device, 1 - share);
    },
    release(isOver = () => true) {
      drop(isOver);
      const claim = ledger.claims.get(own);
      if (claim) publish(claim.device, 1);
    },
  };
}
