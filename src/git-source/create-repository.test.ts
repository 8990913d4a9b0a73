import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { TreecastError } from '../model/treecast-error.ts';
import { createRepository } from './create-repository.ts';
import { recoverRepository } from './recover-repository.ts';
import { createTestRepository, file } from './test-repository.ts';

test('PUSH-40 a repository is bare, checks objects, hides our refs, never collects garbage by itself', async (t) => {
  const repository = await createTestRepository();
  t.after(() => repository.remove());
  for (const [key, value] of Object.entries({
    'core.bare': 'true',
    'core.logAllRefUpdates': 'false',
    'core.hooksPath': 'hooks',
    'receive.fsckObjects': 'true',
    'receive.autogc': 'false',
    'receive.advertisePushOptions': 'true',
    'transfer.hideRefs': 'refs/treecast',
    'gc.auto': '0',
  })) {
    assert.equal(repository.git('config', key).trim(), value, key);
  }
  assert.equal(repository.git('symbolic-ref', 'HEAD').trim(), 'refs/heads/main');
  assert.ok(statSync(`${repository.path}/hooks/pre-receive`).mode & 0o100);
});

test('PUSH-40 making it again mends configuration and hook, and keeps the content', async (t) => {
  const repository = await createTestRepository();
  t.after(() => repository.remove());
  const commit = repository.commit(repository.writeTree({ a: file('1') }));
  repository.git('update-ref', 'refs/heads/main', commit);
  const config = readFileSync(`${repository.path}/config`, 'utf8');
  writeFileSync(`${repository.path}/hooks/pre-receive`, '#!/bin/sh\nexit 0\n', { mode: 0o644 });
  repository.git('config', 'receive.fsckObjects', 'false');
  await createRepository(repository.path, { branch: 'other' });
  assert.equal(readFileSync(`${repository.path}/config`, 'utf8'), config);
  assert.match(readFileSync(`${repository.path}/hooks/pre-receive`, 'utf8'), /TREECAST_PUSH/);
  assert.ok(statSync(`${repository.path}/hooks/pre-receive`).mode & 0o100);
  assert.equal(repository.git('rev-parse', 'main').trim(), commit);
  appendFileSync(`${repository.path}/config`, '[extensions]\n\tobjectFormat = sha256\n');
  await assert.rejects(createRepository(repository.path), TreecastError);
});

test('PUSH-41 recovery removes locks, quarantines and half-written refs, and nothing else', async (t) => {
  const repository = await createTestRepository();
  t.after(() => repository.remove());
  const tree = repository.writeTree({ a: file('1'), 'b.lock': file('2') });
  repository.git('update-ref', 'refs/heads/a/main', repository.commit(tree));
  repository.git('update-ref', `refs/treecast/trees/${tree}`, tree);
  repository.git('repack', '-adq');
  const broken = `refs/treecast/trees/${'1'.repeat(40)}`;
  const stale = [
    'packed-refs.lock',
    'HEAD.lock',
    'refs/heads/a/main.lock',
    `refs/treecast/trees/${tree}.lock`,
    'objects/tmp_objdir-incoming-x/ab/file',
    'objects/pack/tmp_pack_x',
    'objects/ab/tmp_obj_x',
    broken,
  ];
  for (const path of stale) {
    mkdirSync(`${repository.path}/${path.slice(0, Math.max(path.lastIndexOf('/'), 0))}`, { recursive: true });
    writeFileSync(`${repository.path}/${path}`, '');
  }
  assert.throws(() => repository.git('update-ref', '-d', 'refs/heads/a/main'));
  const removed = await recoverRepository(repository.path);
  assert.equal(removed.length, stale.length);
  for (const path of stale) assert.ok(!existsSync(`${repository.path}/${path}`), path);
  assert.deepEqual(repository.git('for-each-ref', '--format=%(refname)').trim().split('\n'), [
    'refs/heads/a/main',
    `refs/treecast/trees/${tree}`,
  ]);
  repository.git('fsck', '--strict');
  assert.deepEqual(await recoverRepository(repository.path), []);
});
