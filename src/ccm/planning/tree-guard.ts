// Judges a wanted tree against what is live: before the ref moves, and again when a job is planned (N4, N58, X10).

import type { GitSource } from '../../git-source/git-source.ts';
import { checkTree } from '../../git-source/guards/check-tree.ts';
import { renderViolations } from '../../git-source/guards/render-violations.ts';
import { type Violation, violationOf } from '../../git-source/guards/violation.ts';
import type { SitePolicy } from '../../model/site.ts';
import { emptyTreeId, type ObjectId } from '../../model/tree.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { TreeDiffs } from './tree-diffs.ts';

export interface GuardRequest {
  readonly policy: SitePolicy;
  readonly source: GitSource;
  /** Null before the first publish. */
  readonly live: ObjectId | null;
  readonly target: ObjectId;
  readonly allowDelete: boolean;
}

export interface TreeGuard {
  /** Lines for the pusher's terminal; empty when the tree may be published. */
  refusal(request: GuardRequest): Promise<readonly string[]>;
  /** Throws the first violation's code with all of them in its message. */
  require(request: GuardRequest): Promise<void>;
}

export function createTreeGuard(diffs: TreeDiffs): TreeGuard {
  /** The last verdicts: a push is judged twice within milliseconds. */
  const passed = new Set<string>();

  async function violations({
    policy,
    source,
    live,
    target,
    allowDelete,
  }: GuardRequest): Promise<readonly Violation[]> {
    const base = live ?? emptyTreeId(target);
    const { deleteShareMax, deleteFilesMin } = policy;
    const allowClashes = policy.nameClashes === 'allow';
    const key = [base, target, allowDelete, allowClashes, deleteShareMax, deleteFilesMin].join(' ');
    if (base === target || passed.has(key)) return [];
    let found: readonly Violation[];
    try {
      const changes = await diffs.diff(source, base, target);
      found = await checkTree({
        source,
        base,
        target,
        changes,
        options: { allowDelete, allowClashes, deleteShareMax, deleteFilesMin },
      });
    } catch (error) {
      const violation = violationOf(error);
      if (violation === undefined) throw error;
      found = [violation];
    }
    if (found.length === 0) {
      if (passed.size >= 64) passed.clear();
      passed.add(key);
    }
    return found;
  }

  return {
    async refusal(request) {
      const found = await violations(request);
      return found.length === 0 ? [] : renderViolations(found);
    },
    async require(request) {
      const found = await violations(request);
      const [first] = found;
      if (first === undefined) return;
      throw new TreecastError(first.code, renderViolations(found).join('\n'), {
        fix: first.fix,
        data: { violations: found.length },
      });
    },
  };
}
