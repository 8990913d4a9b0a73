// What every GitSource backend must do, run by each backend's own test file.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import * as fc from 'fast-check';
import type { ErrorCode } from '../model/error-codes.ts';
import { emptyTreeIds, type ObjectId, type TreeChange } from '../model/tree.ts';
import { TreecastError } from '../model/treecast-error.ts';
import type { GitSource } from './git-source.ts';
import {
  createTestRepository,
  file,
  symlink,
  type TestRepository,
  type TestTree,
  utf8Name,
} from './test-repository.ts';
import { modelChanges, modelEntries, treeArbitrary } from './test-tree-model.ts';

const emptyTree = emptyTreeIds[0] as ObjectId;
const absentId = '1'.repeat(40);

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

function code(expected: ErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof TreecastError && error.code === expected;
}

export function describeGitSource(name: string, createSource: (repositoryPath: string) => GitSource): void {
  describe(`GitSource conformance: ${name}`, () => {
    let repository: TestRepository;
    let source: GitSource;
    before(async () => {
      repository = await createTestRepository();
      source = createSource(repository.path);
    });
    after(async () => {
      await source.close();
      repository.remove();
    });

    async function assertDiff(base: TestTree, target: TestTree): Promise<TreeChange[]> {
      const changes = await source.diffTrees(repository.writeTree(base), repository.writeTree(target));
      assert.deepEqual(changes, modelChanges(base, target));
      return changes;
    }

    test('resolves full ids, HEAD, branches and tags, and nothing else', async () => {
      const first = repository.commit(repository.writeTree({ a: file('1') }));
      const second = repository.commit(repository.writeTree({ a: file('2') }), [first]);
      repository.git('update-ref', 'refs/heads/main', second);
      repository.git('update-ref', 'refs/heads/feature/x', first);
      repository.git('update-ref', 'refs/tags/light', first);
      repository.git(
        '-c',
        'user.name=T',
        '-c',
        'user.email=t@example.org',
        'tag',
        '-a',
        '-m',
        'x',
        'heavy',
        second,
      );
      for (const [ref, commit] of Object.entries({
        [first]: first,
        HEAD: second,
        main: second,
        'refs/heads/main': second,
        'feature/x': first,
        light: first,
        heavy: second,
        'refs/tags/heavy': second,
        [repository.git('rev-parse', 'refs/tags/heavy').trim()]: second,
      })) {
        assert.equal(await source.resolveCommit(ref), commit, ref);
      }
      const tree = repository.writeTree({ a: file('1') });
      for (const ref of [
        'HEAD~1',
        'main^',
        '--all',
        '-h',
        'main@{0}',
        ':/a',
        first.slice(0, 12),
        absentId,
        tree,
        '',
        'no',
        'a b',
        'x\ny',
        '../main',
        'refs/heads/../main',
      ]) {
        assert.equal(await source.resolveCommit(ref), undefined, ref);
      }
      repository.git('pack-refs', '--all');
      assert.equal(await source.resolveCommit('main'), second);
      assert.deepEqual(
        [...(await source.branches())].sort(([a], [b]) => (a < b ? -1 : 1)),
        [
          ['feature/x', first],
          ['main', second],
        ],
      );
      repository.git('update-ref', 'refs/heads/main', first);
      assert.equal(await source.resolveCommit('main'), first);
    });

    test("treeOf gives the commit's own tree, REF_UNKNOWN for anything else", async () => {
      const tree = repository.writeTree({ a: file('1') });
      assert.equal(await source.treeOf(repository.commit(tree)), tree);
      await assert.rejects(source.treeOf(absentId), code('REF_UNKNOWN'));
      await assert.rejects(source.treeOf(tree), code('REF_UNKNOWN'));
      await assert.rejects(source.treeOf('main'), code('INVALID_INPUT'));
    });

    test('mode, symlink and type changes', async () => {
      await assertDiff(
        { run: file('x'), link: symlink('a'), was: file('text'), same: file('s') },
        { run: file('x', '100755'), link: symlink('b'), was: symlink('text'), same: file('s') },
      );
    });

    test('a file becomes a directory and back: the deleted path and the new ones', async () => {
      const asFile = { a: file('1'), 'a-b': file('2'), z: file('3') };
      const asDirectory = { a: { x: file('1'), y: { z: file('4') } }, 'a-b': file('2'), z: file('3') };
      const changes = await assertDiff(asFile, asDirectory);
      assert.deepEqual(
        changes.map((change) => change.path),
        ['a', 'a/x', 'a/y/z'],
      );
      await assertDiff(asDirectory, asFile);
    });

    test('the empty tree is known on both sides, written or not', async () => {
      const tree = { a: file('1'), d: { b: file('2') } };
      const id = repository.writeTree(tree);
      assert.deepEqual(await source.diffTrees(emptyTree, id), modelChanges({}, tree));
      assert.deepEqual(await source.diffTrees(id, emptyTree), modelChanges(tree, {}));
      assert.deepEqual(await source.diffTrees(emptyTree, emptyTree), []);
      assert.deepEqual(await collect(source.listTree(emptyTree)), []);
    });

    test('an empty directory made by hand is refused when it is wanted, and deleted when it is not', async () => {
      const without = repository.writeTree({ a: file('1') });
      for (const empty of [{ empty: {} }, { deep: { er: {} } }]) {
        const withEmpty = repository.writeTree({ a: file('1'), ...empty });
        await assert.rejects(source.diffTrees(without, withEmpty), code('PATH_FORBIDDEN'));
        assert.deepEqual(await source.diffTrees(withEmpty, without), []);
        assert.deepEqual(
          (await collect(source.listTree(withEmpty))).map((entry) => entry.path),
          ['a'],
        );
      }
    });

    test('submodules are told as what they are', async () => {
      const tree = {
        sub: { mode: '160000', content: '', id: absentId },
        '.gitmodules': file('[submodule "sub"]\n\tignore = all\n'),
      };
      await assertDiff({}, tree);
      await assertDiff(tree, { ...tree, sub: { ...tree.sub, id: '2'.repeat(40) } });
    });

    test('modes that Git does not write are refused: no server could prove such a tree', async () => {
      const now = repository.writeTree({ a: file('1'), b: file('2', '100755') });
      for (const mode of ['100664', '100775', '040000', '0100644', '100600', '0', '140000']) {
        const odd = repository.writeTree({ a: { mode, content: '1' } });
        await assert.rejects(source.diffTrees(now, odd), code('GIT_FAILED'), mode);
      }
    });

    test('names: spaces, quotes, newline, emoji, 255 bytes', async () => {
      const odd = [
        'a b',
        ' lead',
        '"',
        "'",
        '`$(x)',
        'tab\there',
        'new\nline',
        '\u0001',
        '😀',
        'ü',
        'n'.repeat(255),
        '-rf',
        '\\',
        ':(top)',
      ];
      const tree: TestTree = Object.fromEntries(
        odd.map((each) => [utf8Name(each), { [utf8Name(each)]: file(each) }]),
      );
      await assertDiff({}, tree);
      assert.deepEqual(await collect(source.listTree(repository.writeTree(tree))), modelEntries(tree));
    });

    test('names that are not UTF-8 are refused by name', async () => {
      const bad = repository.writeTree({ ok: file('1'), dir: { 'caf\xe9': file('2') } });
      await assert.rejects(source.diffTrees(emptyTree, bad), (error: unknown) => {
        return code('PATH_NOT_UTF8')(error) && (error as Error).message.includes('dir/caf\\xe9');
      });
      await assert.rejects(collect(source.listTree(bad)), code('PATH_NOT_UTF8'));
    });

    test('directories nested deeper than any path are refused', async () => {
      let tree = repository.writeTree({ file: file('1') });
      for (let depth = 0; depth < 2_100; depth += 1) {
        const entry = Buffer.concat([Buffer.from('40000 d\0'), Buffer.from(tree, 'hex')]);
        tree = repository.writeObject('tree', entry);
      }
      await assert.rejects(source.diffTrees(emptyTree, tree), code('PATH_FORBIDDEN'));
      await assert.rejects(collect(source.listTree(tree)), code('PATH_FORBIDDEN'));
    });

    test('findEntries tells what paths are', async () => {
      const tree = repository.writeTree({
        a: { b: { c: file('1') } },
        [utf8Name('ü')]: { d: file('1') },
        f: file('1'),
      });
      const paths = ['a', 'a/b', 'a/b/c', 'a/x', 'f', 'f/x', 'ü', 'no/such'];
      const entries = await source.findEntries(tree, paths);
      const directories = [...entries].filter(([, { mode }]) => mode === '040000').map(([path]) => path);
      assert.deepEqual(directories.sort(), ['a', 'a/b', 'ü']);
      assert.equal((await source.findEntries(emptyTree, paths)).size, 0);
    });

    test('listDirectories tells the names in directories', async () => {
      const tree = repository.writeTree({
        a: { b: { c: file('1') }, z: file('1') },
        [utf8Name('ü')]: { d: file('1') },
      });
      const listed = await source.listDirectories(tree, ['', 'a', 'a/b', 'a/z', 'ü', 'no/such']);
      assert.deepEqual(Object.fromEntries(listed), { '': ['a', 'ü'], a: ['b', 'z'], 'a/b': ['c'], ü: ['d'] });
      assert.deepEqual(Object.fromEntries(await source.listDirectories(emptyTree, ['', 'a'])), { '': [] });
    });

    test('blobs: sizes in the order asked, whole and streamed, empty and large ones', async () => {
      const large = randomBytes(3_000_000);
      const ids = [repository.writeBlob(large), repository.writeBlob(''), repository.writeBlob('12345')];
      assert.deepEqual(await source.blobSizes([...ids, ids[1] as string]), [3_000_000, 0, 5, 0]);
      assert.deepEqual(await source.blobSizes([]), []);
      assert.equal((await source.readBlob(ids[2] as string)).toString(), '12345');
      assert.ok((await source.readBlob(ids[0] as string)).equals(large));
      for (const id of ids) {
        const bytes = Buffer.concat(await collect(source.streamBlob(id)));
        assert.equal(createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex'), id);
      }
      for await (const part of source.streamBlob(ids[0] as string)) {
        assert.ok(part.length > 0);
        break; // A reader may leave early.
      }
      await assert.rejects(source.readBlob(absentId), code('GIT_FAILED'));
      await assert.rejects(source.blobSizes([absentId]), code('GIT_FAILED'));
      await assert.rejects(source.readBlob('HEAD'), code('INVALID_INPUT'));
      assert.equal(
        (await source.readBlob(ids[2] as string)).toString(),
        '12345',
        'works after a missing object',
      );
    });

    test('R2.6: sizes of as many blobs as a large tree names are asked for in one call', async () => {
      const ids = Array.from({ length: 200_000 }, (_, i) => i.toString(16).padStart(40, '0'));
      await assert.rejects(
        source.blobSizes(ids),
        code('GIT_FAILED'),
        'the first one is missed, no stack overflows',
      );
    });

    test('answers are the same when objects are packed', async () => {
      const base = { a: file('1'), d: { b: file('2'), c: file('3'.repeat(5_000)) } };
      const target = { a: file('1'), d: { b: file('4'), c: file(`${'3'.repeat(5_000)}!`) } };
      const commit = repository.commit(repository.writeTree(target), [
        repository.commit(repository.writeTree(base)),
      ]);
      repository.git('update-ref', 'refs/heads/packed', commit);
      repository.git('repack', '-adq');
      repository.git('prune-packed');
      await assertDiff(base, target);
      assert.equal(await source.treeOf(commit), repository.writeTree(target));
      assert.equal((await source.readBlob(repository.writeBlob(`${'3'.repeat(5_000)}!`))).length, 5_001);
    });

    test('keepTree keeps a tree through garbage collection until releaseTree; both idempotent', async () => {
      const tree = repository.writeTree({ kept: file(`kept ${name}`), d: { deep: file('deep') } });
      await Promise.all([source.keepTree(tree), source.keepTree(tree)]);
      await source.keepTree(tree);
      assert.equal(repository.git('rev-parse', `refs/treecast/trees/${tree}`).trim(), tree);
      repository.git('gc', '--prune=now', '--quiet');
      assert.equal(repository.git('cat-file', '-t', tree).trim(), 'tree');
      await source.keepTree(tree); // packed by gc
      await source.releaseTree(tree);
      await source.releaseTree(tree);
      assert.equal(repository.git('for-each-ref', 'refs/treecast').trim(), '');
      repository.git('gc', '--prune=now', '--quiet');
      assert.throws(() => repository.git('cat-file', '-t', tree));
      await source.keepTree(emptyTree);
      await assert.rejects(source.keepTree(absentId), code('REF_UNKNOWN'));
    });

    test('keptTrees names loose and packed hidden refs; of keeping and releasing at once, the last one asked for holds', async () => {
      const [one, other, third] = ['1', '2', '3'].map((content) =>
        repository.writeTree({ a: file(`${name} ${content}`) }),
      ) as [ObjectId, ObjectId, ObjectId];
      assert.deepEqual(await source.keptTrees(), []);
      await source.keepTree(one);
      repository.git('pack-refs', '--all');
      await source.keepTree(other);
      assert.deepEqual((await source.keptTrees()).sort(), [one, other].sort());
      await Promise.all([
        source.releaseTree(one),
        source.keepTree(one),
        source.releaseTree(other),
        source.keepTree(third),
        source.releaseTree(third),
        source.keepTree(third),
        source.keepTree(third),
      ]);
      assert.deepEqual((await source.keptTrees()).sort(), [one, third].sort());
      await Promise.all([source.releaseTree(one), source.releaseTree(third)]);
      assert.deepEqual(await source.keptTrees(), []);
    });

    test('property: diffs and lists of random tree pairs equal the model', async () => {
      await fc.assert(
        fc.asyncProperty(treeArbitrary, treeArbitrary, fc.boolean(), async (one, other, nested) => {
          const [base, target] = nested
            ? [directories({ same: one, d: one }), directories({ same: one, d: other })]
            : [one, other];
          await assertDiff(base, target);
          assert.deepEqual(
            await collect(source.listTree(repository.writeTree(target))),
            modelEntries(target),
          );
        }),
        { numRuns: 60 },
      );
    });

    test('after close calls throw', async () => {
      const closing = createSource(repository.path);
      await closing.close();
      await closing.close();
      await assert.rejects(closing.readBlob(absentId), code('GIT_FAILED'));
      await assert.rejects(closing.resolveCommit('main'), code('GIT_FAILED'));
    });
  });
}

/** Without those that are empty. */
function directories(tree: Readonly<Record<string, TestTree>>): TestTree {
  return Object.fromEntries(Object.entries(tree).filter(([, below]) => Object.keys(below).length > 0));
}
