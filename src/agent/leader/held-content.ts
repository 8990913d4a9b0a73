// An assignment that this node holds, or is fetching, for others: what its own sites, its members' requests and the multicast take from.

import type { AssignmentHeader } from '../../model/assignment.ts';

export interface HeldContent {
  readonly assignment: string;
  /** Resolves once it is here and its signature is verified. Throws what kept it from coming. */
  manifest(signal: AbortSignal): Promise<{ readonly header: AssignmentHeader; readonly bytes: Buffer }>;
  /** The sealed block, checked against the manifest; waits until it is here. Throws what kept it from coming, and ABORTED. */
  block(index: number, signal: AbortSignal): Promise<Buffer>;
  /** Blocks that are here already. */
  has(index: number): boolean;
  /** Called for each block that comes in from now on; returns how to stop that. */
  onBlock(listener: (index: number) => void): () => void;
}
