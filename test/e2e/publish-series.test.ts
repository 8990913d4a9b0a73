// X1: after every push, the tree that every node proves is the commit's own; whatever the commits do to it.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Author, createAuthor } from '../lab/author.ts';
import { type Fleet, startFleet } from './support/fleet.ts';

let fleet: Fleet;
let author: Author;

before(async () => {
  [fleet, author] = await Promise.all([startFleet(), createAuthor()]);
});
after(async () => {
  await author.remove();
  await fleet.stop();
});

async function publish(options: readonly string[] = []): Promise<string> {
  const tree = await author.commit();
  const { code, stderr } = await author.push(fleet.gitUrl(), options);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /remote: staged 3\/3 {2}live 3\/3 {2}\d+ ms/);
  await fleet.assertServed(tree);
  return tree;
}

test('before the first push every node serves a page that is part of no tree', async () => {
  const answers = await fleet.fetchAll('/');
  assert.deepEqual(
    answers.map(({ status, tree }) => [status, tree]),
    [
      [200, 'none'],
      [200, 'none'],
      [200, 'none'],
    ],
  );
});

test('R2.1 the first tree and a one-file edit are live on every node when the push returns', async () => {
  await author.write('index.html', '<h1>one</h1>');
  await author.write('css/site.css', 'body { color: black }'.repeat(100));
  await author.write('js/app/main.js', 'console.log(1)');
  await publish();
  await author.write('index.html', '<h1>two</h1>');
  const tree = await publish();
  for (const answer of await fleet.fetchAll('/'))
    assert.deepEqual(answer, { ...answer, status: 200, tree, body: '<h1>two</h1>' });
});

test('names with spaces, quotes, newlines, emoji and 255 bytes are published as they are', async () => {
  const names = [
    'a b c.txt',
    `quote's "double".txt`,
    'line\nbreak.txt',
    'émoji 🎉.txt',
    `${'x'.repeat(251)}.txt`,
    'back`tick`$HOME.txt',
    '-rf',
    'ünï/dïr 🎈/%41.txt',
  ];
  for (const name of names) await author.write(name, `this is ${name}`);
  await publish();
  for (const name of names) {
    const path = name.split('/').map(encodeURIComponent).join('/');
    for (const { body, node } of await fleet.fetchAll(`/${path}`))
      assert.equal(body, `this is ${name}`, `${node}: ${name}`);
  }
});

test('modes and symlinks change, and a symlink becomes a file and back', async () => {
  await author.git('update-index', '--chmod=+x', 'js/app/main.js');
  await author.git('commit', '-q', '-m', 'executable');
  await author.git('checkout', '-q', '--', '.');
  await symlink('index.html', join(author.directory, 'home.html'));
  await symlink('css', join(author.directory, 'styles'));
  await publish();
  await unlink(join(author.directory, 'home.html'));
  await author.write('home.html', 'a file now');
  await author.git('update-index', '--chmod=-x', 'js/app/main.js');
  await publish();
  await unlink(join(author.directory, 'home.html'));
  await symlink('css/site.css', join(author.directory, 'home.html'));
  await publish();
});

test('a file becomes a directory and back; renames, copies and deletes', async () => {
  await author.write('thing', 'a file');
  await publish();
  await author.git('rm', '-q', 'thing');
  await author.write('thing/deep/er.txt', 'in a directory');
  await publish();
  await author.git('rm', '-rq', 'thing');
  await author.write('thing', 'a file again');
  await author.git('mv', 'css', 'assets');
  await author.git('rm', '-q', 'styles');
  await author.git('rm', '-q', 'home.html');
  await author.write('assets/copy.css', 'body { color: black }'.repeat(100));
  await publish();
  await author.git('rm', '-q', 'assets/copy.css');
  await publish();
});

test('R2.3 some files sealed and others not, by policy, in one assignment of many blocks', async () => {
  await fleet.admin.sites.update('sample', {
    policy: {
      encryption: [{ glob: '*.bin', cipher: 'none' }],
      compression: [{ glob: '*.txt', codec: 'store' }],
    },
  });
  for (let index = 0; index < 5; index++) {
    await author.write(`mixed/${index}.bin`, randomBytes(150_000));
    await author.write(`mixed/${index}.txt`, randomBytes(70_000).toString('base64'));
  }
  await publish();
});

test('a push of ten commits at once publishes the last one', async () => {
  for (let index = 0; index < 10; index++) {
    await author.write(`ten/${index}.txt`, `number ${index}`);
    await author.commit(`commit ${index}`);
  }
  await publish();
});

test('a rewritten history publishes the new tree, and a wanted tree that is live succeeds at once', async () => {
  await author.git('reset', '-q', '--hard', 'HEAD~5');
  await author.write('index.html', '<h1>rewritten</h1>');
  const tree = await publish(['--force']);
  await author.commit('nothing changes');
  const { code, stderr } = await author.push(fleet.gitUrl());
  assert.equal(code, 0, stderr);
  assert.match(stderr, /remote: unchanged: tree [0-9a-f]{10} is live already/);
  const status = await fleet.admin.sites.status('sample');
  assert.equal(status.commit, await author.git('rev-parse', 'HEAD'));
  assert.equal(status.tree, tree);
});

test('a series of random commits: after each, every node proves the commit’s tree', async () => {
  for (let index = 0; index < 25; index++) {
    await author.write(`series/${index % 7}/${index % 3}.txt`, `${index} `.repeat(index * 40));
    if (index % 4 === 3) await author.write(`series/new-${index}.html`, `<p>${index}</p>`);
    if (index % 5 === 4) await author.git('rm', '-rqf', '--ignore-unmatch', `series/${(index + 2) % 7}`);
    await publish();
  }
});

test('an empty tree is published when the author means it, and filled again', async () => {
  await author.git('rm', '-rq', '.');
  await author.git('commit', '-q', '-m', 'empty');
  const refused = await author.push(fleet.gitUrl());
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /MASS_DELETE[\s\S]*push -o allow-delete/);
  await publish(['-o', 'allow-delete']);
  await author.write('index.html', 'back');
  await publish();
});
