// Tree diffs that are asked for more than once in a row: by the push's guards, by the planner, by the next cohort.

import type { GitSource } from '../../git-source/git-source.ts';
import type { ObjectId, TreeChange } from '../../model/tree.ts';

export interface TreeDiffs {
  /** Trees are content-addressed, so an answer from inside a push's quarantine stays right afterwards. */
  diff(source: GitSource, base: ObjectId, target: ObjectId): Promise<readonly TreeChange[]>;
}

const keptMax = 8;
/** A diff of more changes than this is not kept: its memory is worth more than the time. */
const keptChangesMax = 50_000;

export function createTreeDiffs(): TreeDiffs {
  const kept = new Map<string, Promise<readonly TreeChange[]>>();
  return {
    async diff(source, base, target) {
      const key = `${base}..${target}`;
      const known = kept.get(key);
      if (known !== undefined) return known;
      const asked = source.diffTrees(base, target);
      kept.set(key, asked);
      asked.then(
        (changes) => {
          if (changes.length > keptChangesMax) kept.delete(key);
        },
        () => kept.delete(key),
      );
      if (kept.size > keptMax) {
        const [oldest] = kept.keys();
        kept.delete(oldest as string);
      }
      return asked;
    },
  };
}
