// For tests: the plain model of trees that the backends are compared with. A tree is its list of leaves; nothing is clever.

import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import type { TreeChange, TreeEntry } from '../model/tree.ts';
import { file, isTestFile, symlink, type TestFile, type TestTree, utf8Name } from './test-repository.ts';

const names = [
  'a',
  'a-b',
  'a.b',
  'ab',
  'Z',
  'index.html',
  'x y',
  '"q"',
  "it's",
  'new\nline',
  '\\',
  'ü',
  '😀',
  '\uffff',
  'n'.repeat(255),
];

const leaf: fc.Arbitrary<TestFile> = fc.oneof(
  fc
    .tuple(fc.constantFrom('1', '2', '3'), fc.constantFrom('100644', '100755'))
    .map(([content, mode]) => file(content, mode)),
  fc.constantFrom('a', '../a', '1').map((target) => symlink(target)),
);

export const treeArbitrary: fc.Arbitrary<TestTree> = fc
  .letrec<{ tree: TestTree; node: TestFile | TestTree }>((tie) => ({
    tree: fc.dictionary(fc.constantFrom(...names).map(utf8Name), tie('node'), {
      maxKeys: 5,
      noNullPrototype: true,
    }),
    node: fc.oneof({ depthSize: 'small', withCrossShrink: true }, leaf, tie('tree')),
  }))
  .tree.map(withoutEmptyTrees);

/** Git's own commands never write empty directories; hand-made ones are tested by name. */
function withoutEmptyTrees(tree: TestTree): TestTree {
  const kept = Object.entries(tree).flatMap(([name, node]): [string, TestFile | TestTree][] => {
    if (isTestFile(node)) return [[name, node]];
    const below = withoutEmptyTrees(node);
    return Object.keys(below).length > 0 ? [[name, below]] : [];
  });
  return Object.fromEntries(kept);
}

/** Leaves in bytewise order of paths. */
export function modelEntries(tree: TestTree): TreeEntry[] {
  const collect = (below: TestTree, prefix: string): { path: string; mode: string; id: string }[] =>
    Object.entries(below).flatMap(([name, node]) =>
      isTestFile(node)
        ? [{ path: prefix + name, mode: node.mode, id: node.id ?? blobId(node.content) }]
        : collect(node, `${prefix}${name}/`),
    );
  const entries = collect(tree, '');
  entries.sort((a, b) => (a.path < b.path ? -1 : 1)); // latin1: bytewise
  return entries.map((entry) => ({ ...entry, path: Buffer.from(entry.path, 'latin1').toString('utf8') }));
}

export function modelChanges(base: TestTree, target: TestTree): TreeChange[] {
  const before = new Map(modelEntries(base).map((entry) => [entry.path, entry]));
  const after = new Map(modelEntries(target).map((entry) => [entry.path, entry]));
  const paths = [...new Set([...before.keys(), ...after.keys()])];
  paths.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return paths.flatMap((path) => {
    const old = before.get(path);
    const now = after.get(path);
    if (old?.id === now?.id && old?.mode === now?.mode) return [];
    return [
      {
        path,
        ...(old && { before: { mode: old.mode, id: old.id } }),
        ...(now && { after: { mode: now.mode, id: now.id } }),
      },
    ];
  });
}

function blobId(content: string | Buffer): string {
  const bytes = Buffer.from(content as string);
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}
