// What brings an assignment into the relay store: from the CCM, or down the tree. Nothing that it brings is believed: the store's own checks come with
// each call.

import type { Manifest } from '../../assignment/read-manifest.ts';
import type { AssignmentHeader } from '../../model/assignment.ts';

/** What is missing, and where it goes. */
export interface BlockIntake {
  has(index: number): boolean;
  heldCount(): number;
  missing(): number[];
  /** Throws ASSIGNMENT_BLOCK_CORRUPT, and what the disk throws. */
  write(index: number, block: Buffer): Promise<void>;
}

export interface ContentSupply {
  /** `read` throws for bytes that are not the manifest. */
  manifest(read: (bytes: Uint8Array) => Manifest, signal: AbortSignal): Promise<Manifest>;
  /** Resolves when nothing is missing; called also when nothing is. How many blocks came from members of the segment. */
  blocks(header: AssignmentHeader, intake: BlockIntake, signal: AbortSignal): Promise<number>;
}
