import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { emptyTreeId } from '../model/tree.ts';
import { collect, describeGitSource } from './conformance.ts';
import { createNativeGitSource } from './native-git-source.ts';
import { createTestRepository, file, type TestTree } from './test-repository.ts';
import { modelChanges, treeArbitrary } from './test-tree-model.ts';

const absentId = '0'.repeat(40);

describeGitSource('native', createNativeGitSource);

test('property: diffs are what git diff-tree prints', async (t) => {
  const repository = await createTestRepository();
  const source = createNativeGitSource(repository.path);
  t.after(async () => {
    await source.close();
    repository.remove();
  });
  await fc.assert(
    fc.asyncProperty(treeArbitrary, treeArbitrary, async (base, target) => {
      const [from, to] = [repository.writeTree(base), repository.writeTree(target)];
      const printed = repository.git(
        'diff-tree',
        '-r',
        '-z',
        '--raw',
        '--no-renames',
        '--no-abbrev',
        from,
        to,
      );
      const ours = (await source.diffTrees(from, to)).map(({ path, before, after }) => {
        const status = !before
          ? 'A'
          : !after
            ? 'D'
            : before.mode.slice(0, 3) === after.mode.slice(0, 3)
              ? 'M'
              : 'T';
        const modes = `${before?.mode ?? '000000'} ${after?.mode ?? '000000'}`;
        return `:${modes} ${before?.id ?? absentId} ${after?.id ?? absentId} ${status}\0${path}\0`;
      });
      assert.equal(ours.join(''), printed);
    }),
    { numRuns: 40 },
  );
});

test('a difference of many directories is found whole', async (t) => {
  const repository = await createTestRepository();
  const source = createNativeGitSource(repository.path);
  t.after(async () => {
    await source.close();
    repository.remove();
  });
  const wide = (content: string): TestTree =>
    Object.fromEntries(
      Array.from({ length: 300 }, (_, index) => [`d${index}`, { f: file(`${content} ${index}`) }]),
    );
  const changes = await source.diffTrees(
    repository.writeTree(wide('old')),
    repository.writeTree(wide('new')),
  );
  assert.deepEqual(changes, modelChanges(wide('old'), wide('new')));
});

for (const packed of [false, true]) {
  test(`inQuarantine sees ${packed ? 'packed' : 'loose'} objects of a push, the source itself does not`, async (t) => {
    const repository = await createTestRepository();
    const pusher = await createTestRepository();
    const source = createNativeGitSource(repository.path);
    t.after(async () => {
      await source.close();
      repository.remove();
      pusher.remove();
    });
    const base = repository.writeTree({ a: file('1'), d: { b: file('2') } });
    repository.git('update-ref', 'refs/heads/main', repository.commit(base));
    repository.git('repack', '-adq');
    repository.git('prune-packed');
    const blob = pusher.writeBlob('new');
    const tree = pusher.writeTree({ a: file('1'), d: { b: file('new') } });
    const commit = pusher.commit(tree);
    if (packed) {
      pusher.git('update-ref', 'refs/heads/main', commit);
      pusher.git('repack', '-adq');
      pusher.git('prune-packed');
    }
    const objectDirectory = `${repository.path}/objects/tmp_objdir-test`;
    renameSync(`${pusher.path}/objects`, objectDirectory);
    const inside = source.inQuarantine({ objectDirectory, alternates: `${repository.path}/objects` });
    assert.equal(await inside.treeOf(commit), tree);
    assert.equal(await inside.resolveCommit(commit), commit);
    assert.deepEqual(
      (await inside.diffTrees(base, tree)).map((change) => change.path),
      ['d/b'],
    );
    assert.equal((await inside.diffTrees(emptyTreeId(), tree)).length, 2);
    assert.equal((await inside.readBlob(blob)).toString(), 'new');
    assert.deepEqual(await inside.blobSizes([blob]), [3]);
    assert.equal((await collect(inside.listTree(tree))).length, 2);
    await inside.close();
    assert.equal(await source.resolveCommit(commit), undefined);
    await assert.rejects(source.readBlob(blob));
  });
}

test('nothing of the environment reaches Git', async (t) => {
  const repository = await createTestRepository();
  const saved = { ...process.env };
  process.env['GIT_DIR'] = '/nowhere';
  process.env['GIT_OBJECT_DIRECTORY'] = '/nowhere';
  process.env['GIT_CONFIG_PARAMETERS'] = "'core.bare=nonsense'";
  const source = createNativeGitSource(repository.path);
  t.after(async () => {
    process.env = saved;
    await source.close();
    repository.remove();
  });
  const commit = repository.commit(repository.writeTree({ a: file('1') }));
  repository.git('update-ref', 'refs/heads/main', commit);
  assert.equal(await source.resolveCommit('main'), commit);
  assert.deepEqual([...(await source.branches())], [['main', commit]]);
});

test('replace refs do not change what is read', async (t) => {
  const repository = await createTestRepository();
  const source = createNativeGitSource(repository.path);
  t.after(async () => {
    await source.close();
    repository.remove();
  });
  const blob = repository.writeBlob('true');
  repository.git('update-ref', `refs/replace/${blob}`, repository.writeBlob('false'));
  repository.git(
    'update-ref',
    'refs/heads/main',
    repository.commit(repository.writeTree({ a: file('true') })),
  );
  repository.git('repack', '-adq');
  repository.git('prune-packed');
  assert.equal((await source.readBlob(blob)).toString(), 'true');
});
