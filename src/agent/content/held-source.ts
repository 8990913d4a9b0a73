// A leader's own sites take an assignment from what it holds for its members (LEAD-59), so that it comes from the CCM once.

import { TreecastError } from '../../model/treecast-error.ts';
import type { HeldContent } from '../leader/held-content.ts';
import type { AssignmentMessage, ContentSource } from './content-source.ts';

export function createHeldSource(held: HeldContent): ContentSource {
  return {
    name: 'held',
    manifest: async (_assignment, signal) => (await reachable(held.manifest(signal))).bytes,
    async blocks(_assignment, _header, missing, onBlock, signal) {
      for (const index of missing) await onBlock(index, await reachable(held.block(index, signal)));
    },
  };
}

/** The same of a node that has lost its leader and may be the next one. */
export function createSuccessorSource(
  heldAsLeader: (assignment: AssignmentMessage, signal: AbortSignal) => Promise<HeldContent | null>,
): ContentSource {
  async function source(assignment: AssignmentMessage, signal: AbortSignal): Promise<ContentSource> {
    const held = await heldAsLeader(assignment, signal);
    if (held !== null) return createHeldSource(held);
    if (signal.aborted) throw new TreecastError('ABORTED', 'Fetching was stopped.');
    throw new TreecastError('CCM_UNREACHABLE', 'This node holds nothing for its segment.');
  }
  return {
    name: 'held',
    manifest: async (assignment, signal) => (await source(assignment, signal)).manifest(assignment, signal),
    blocks: async (assignment, header, missing, onBlock, signal) =>
      (await source(assignment, signal)).blocks(assignment, header, missing, onBlock, signal),
  };
}

/** Whatever keeps it from coming that way, another source may have it. */
async function reachable<T>(coming: Promise<T>): Promise<T> {
  try {
    return await coming;
  } catch (cause) {
    if (cause instanceof TreecastError && cause.code === 'ABORTED') throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TreecastError('CCM_UNREACHABLE', `What this node holds for its segment did not come: ${why}`, {
      cause,
    });
  }
}
