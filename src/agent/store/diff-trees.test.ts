// The difference of two trees held here, against a difference made from whole lists of files (STG-24).

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { blobIdOf } from '../../assignment/object-id.ts';
import type { FileMode } from '../../model/tree.ts';
import type { PathChange } from '../../plugins/api/hooks.ts';
import { diffTrees } from './diff-trees.ts';
import { type ModelEntry, type ModelTree, modelFile, modelLink, modelTreeId } from './testing/model-tree.ts';
import {
  assignmentBetween,
  decisionFor,
  makeRoot,
  openPublishedStore,
  receiveAndStage,
  release,
} from './testing/site-kit.ts';

const treeArbitrary = fc
  .array(
    fc.record({
      name: fc.constantFrom('a', 'a/x', 'a/x/deep', 'a.b', 'a-b/c', 'b', 'd/e/f', 'd/e/g', 'ü'),
      text: fc.constantFrom('', 'one', 'two'),
      mode: fc.constantFrom<FileMode | '120000'>('100644', '100755', '120000'),
    }),
    { maxLength: 8 },
  )
  .map((seeds): ModelTree => {
    const tree = new Map<string, ModelEntry>();
    for (const { name, text, mode } of seeds) {
      const conflicts = [...tree.keys()].some((n) => n.startsWith(`${name}/`) || name.startsWith(`${n}/`));
      if (conflicts) continue;
      tree.set(name, mode === '120000' ? modelLink(text || 'a', 1) : modelFile(text, 1, mode));
    }
    return tree;
  });

function plainDiff(from: ModelTree, to: ModelTree): PathChange[] {
  const changes: PathChange[] = [];
  for (const path of [...new Set([...from.keys(), ...to.keys()])].sort()) {
    const [old, now] = [from.get(path), to.get(path)];
    const [before, after] = [old, now].map((entry) => (entry ? blobIdOf(entry.bytes) : null)) as [
      string | null,
      string | null,
    ];
    if (before === after && old?.mode === now?.mode) continue;
    const kind = before === null ? 'added' : after === null ? 'deleted' : 'changed';
    changes.push({ path, kind, before, after });
  }
  return changes;
}

test('STG-24: added, changed, deleted and mode-only changes of random trees, files turned directories among them', async () => {
  await fc.assert(
    fc.asyncProperty(treeArbitrary, treeArbitrary, async (from, to) => {
      const root = makeRoot();
      const store = await openPublishedStore(root, from);
      try {
        await receiveAndStage(store, assignmentBetween(release(2), from, to));
        const [old, now] = [modelTreeId(from), modelTreeId(to)];
        assert.deepEqual(store.diffTrees(old, now), plainDiff(from, to));
        await store.decide(decisionFor(release(2), now));
        assert.deepEqual(store.diffTrees(now, old), plainDiff(to, from));
        assert.deepEqual(store.diffTrees(null, now), plainDiff(new Map(), to));
      } finally {
        await store.close();
        fs.rmSync(root, { recursive: true });
      }
    }),
    { numRuns: 25 },
  );
});

test('STG-24: an unknown tree, and more changes than can be told, are "not known"', () => {
  const directories = new Map([
    ['two', new Map(['a', 'b'].map((name) => [name, { mode: '100644', id: '1' }]))],
    ['gap', new Map([['sub', { mode: '40000', id: 'nowhere' }]])],
    ['empty', new Map()],
  ]);
  const index = { directory: (id: string) => directories.get(id) };
  assert.equal(diffTrees(index, 'empty', 'two', 2)?.length, 2);
  assert.equal(diffTrees(index, 'empty', 'two', 1), null);
  assert.equal(diffTrees(index, 'gap', 'two'), null);
  assert.equal(diffTrees(index, 'two', 'elsewhere'), null);
});
