import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { createSymlinkTree } from './symlink-tree.ts';

const targetArbitrary = fc
  .array(fc.constantFrom('..', '.', 'a', 'b', 'l0', 'l1', 'l2', 'l3'), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.join('/'));

test('PUSH-24 property: whatever the kernel resolves outside is refused, whatever it resolves inside passes', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom('', 'a/', 'a/b/', 'b/'), targetArbitrary), {
        minLength: 1,
        maxLength: 4,
      }),
      (specifications) => {
        const top = realpathSync(mkdtempSync(join(tmpdir(), 'treecast-links-')));
        const root = join(top, 'x', 'y', 'root-of-the-tree');
        try {
          for (const directory of ['a/b/a/b', 'b/a', 'b/b'])
            mkdirSync(join(root, directory), { recursive: true });
          const tree = createSymlinkTree(1_000_000);
          const paths = specifications.map(([directory, target], index) => {
            symlinkSync(target, join(root, `${directory}l${index}`));
            tree.add(`${directory}l${index}`, target);
            return `${directory}l${index}`;
          });
          for (const path of paths) {
            const real = resolveOnDisk(join(root, path));
            if (real === undefined) continue; // Dangling here: a missing name counts as a directory, so either answer is allowed.
            const inside = real === root || real.startsWith(`${root}/`);
            assert.equal(tree.resolve(path), inside ? 'inside' : 'leaves', path);
          }
        } finally {
          rmSync(top, { recursive: true });
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('PUSH-25 a tree made to cost time is given up', () => {
  const tree = createSymlinkTree(1_000);
  for (let index = 0; index < 30; index += 1) tree.add(`l${index}`, `${'a/'.repeat(100)}l${index + 1}`);
  const outcomes = Array.from({ length: 30 }, (_, index) => tree.resolve(`l${index}`));
  assert.ok(outcomes.includes('exhausted'));
});

function resolveOnDisk(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch {
    return undefined;
  }
}
