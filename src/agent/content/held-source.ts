// A leader's own sites take an assignment from what it holds for its members (LEAD-59), so that it comes from the CCM once.

import { TreecastError } from '../../model/treecast-error.ts';
import type { HeldContent } from '../leader/held-content.ts';
import type { ContentSource } from './content-source.ts';

export function createHeldSource(held: HeldContent): ContentSource {
  return {
    name: 'held',
    manifest: async (_assignment, signal) => (await reachable(held.manifest(signal))).bytes,
    async blocks(_assignment, _header, missing, onBlock, signal) {
      for (const index of missing) await onBlock(index, await reachable(held.block(index, signal)));
    },
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
