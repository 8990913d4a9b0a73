// What a push is refused for, in the author's terminal and before any ref moves: who may, and what may not be published (X10).

import assert from 'node:assert/strict';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { type Author, createAuthor } from '../lab/author.ts';
import { type Fleet, startFleet } from './support/fleet.ts';

let fleet: Fleet;
let author: Author;
let liveTree: string;
const liveCommit = 'refs/tags/live';

before(async () => {
  fleet = await startFleet({ agents: 1 });
  author = await createAuthor();
  for (let index = 0; index < 40; index++) await author.write(`pages/${index}.html`, `page ${index}`);
  liveTree = await author.commit();
  assert.equal((await author.push(fleet.gitUrl())).code, 0);
  await author.git('tag', 'live');
});
after(async () => {
  await author.remove();
  await fleet.stop();
});
beforeEach(() => author.git('reset', '-q', '--hard', liveCommit));

async function assertRefused(says: RegExp): Promise<void> {
  const heads = await author.git('ls-remote', fleet.gitUrl());
  const { code, stderr } = await author.push(fleet.gitUrl());
  assert.notEqual(code, 0);
  assert.match(stderr, says);
  assert.equal(await author.git('ls-remote', fleet.gitUrl()), heads, 'no ref moved');
  assert.equal((await fleet.admin.sites.status('sample')).tree, liveTree);
}

/** A commit whose tree holds what no file system would let an author add. */
async function commitTree(listing: string): Promise<void> {
  const tree = await author.tryGit(['mktree', '-z', '--missing'], listing);
  assert.equal(tree.code, 0, tree.stderr);
  const commit = await author.git('commit-tree', '-p', 'HEAD', '-m', 'hostile', tree.stdout.trim());
  await author.git('reset', '-q', '--soft', commit);
}

const blob = async (content: string) =>
  (await author.tryGit(['hash-object', '-w', '--stdin'], content)).stdout.trim();

test('N58 symlinks that leave the tree, directly or by way of another symlink', async () => {
  await symlink('../../etc/passwd', join(author.directory, 'out'));
  await author.commit();
  await assertRefused(/"out" is a symlink to ".*" *, which leaves the published tree.*SYMLINK_ESCAPES/);
  await author.git('reset', '-q', '--hard', liveCommit);
  await symlink('/etc/passwd', join(author.directory, 'absolute'));
  await author.commit();
  await assertRefused(/absolute.*SYMLINK_ESCAPES/);
  await author.git('reset', '-q', '--hard', liveCommit);
  await symlink('pages/..', join(author.directory, 'self'));
  await symlink('self/../x', join(author.directory, 'indirect'));
  await author.commit();
  await assertRefused(/indirect.*SYMLINK_ESCAPES/);
});

test('N35 .git in any case or disguise, and names with ..', async () => {
  const id = await blob('x');
  for (const name of [
    '.git',
    '.GIT',
    '.Git',
    '.g\u200cit',
    'git~1',
    '.git ',
    '.git...',
    '.git::$INDEX_ALLOCATION',
    '..',
  ]) {
    await author.git('reset', '-q', '--hard', liveCommit);
    await commitTree(`100644 blob ${id}\t${name}\0`);
    await assertRefused(/PATH_FORBIDDEN|hasDot|fsck|refused/);
  }
});

test('names that are not UTF-8', async () => {
  const id = await blob('x');
  const tree = await author.tryGit(
    ['mktree', '-z'],
    Buffer.concat([Buffer.from(`100644 blob ${id}\t`), Buffer.from([0x66, 0xff, 0xfe]), Buffer.from('\0')]),
  );
  const commit = await author.git('commit-tree', '-p', 'HEAD', '-m', 'bytes', tree.stdout.trim());
  await author.git('reset', '-q', '--soft', commit);
  await assertRefused(/PATH_NOT_UTF8/);
});

test('N34 LFS pointers and N59 submodules', async () => {
  await author.write(
    'big.bin',
    `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 12345\n`,
  );
  await author.commit();
  await assertRefused(/"big.bin".*LFS_POINTER/);
  await author.git('reset', '-q', '--hard', liveCommit);
  await author.git(
    'update-index',
    '--add',
    '--cacheinfo',
    `160000,${await author.git('rev-parse', 'HEAD')},vendored`,
  );
  await author.git('commit', '-q', '-m', 'submodule');
  await assertRefused(/"vendored" is a submodule.*SUBMODULE/);
});

test('N4 a tree that deletes most of what is live, with the option that means it', async () => {
  await author.git('rm', '-q', 'pages/1*', 'pages/2*', 'pages/3*');
  await author.git('commit', '-q', '-m', 'most is gone');
  await assertRefused(/deletes 33 of 40 live files.*MASS_DELETE[\s\S]*git push -o allow-delete/);
});

test('deleting the branch of a site', async () => {
  const { code, stderr } = await author.tryGit(['push', fleet.gitUrl(), '--delete', 'main']);
  assert.notEqual(code, 0);
  assert.match(stderr, /branch main is published as site sample.*BRANCH_DELETION/);
});

test('a wrong token, a revoked token, an unknown repository, another site’s token', async () => {
  const url = (token: string, repository?: string) => fleet.gitUrl(repository, token);
  const wrong = await author.push(url('tc_wrong'));
  assert.notEqual(wrong.code, 0);
  assert.match(wrong.stderr, /Authentication failed|could not read Username|401/);
  const revoked = await fleet.admin.tokens.create({ name: 'short', roles: ['author'] });
  await fleet.admin.tokens.revoke(revoked.id);
  assert.notEqual((await author.push(url(revoked.token))).code, 0);
  const unknown = await author.push(fleet.gitUrl('nowhere'));
  assert.notEqual(unknown.code, 0);
  assert.match(unknown.stderr, /There is no repository nowhere|not found/);
  await fleet.admin.sites.create({ name: 'other' });
  const stranger = await fleet.admin.tokens.create({ name: 'stranger', roles: ['author'], sites: ['other'] });
  const foreign = await author.push(url(stranger.token));
  assert.notEqual(foreign.code, 0);
  assert.match(foreign.stderr, /may not push to repository sample|403/);
});

test('other branches are stored and do nothing; several sites of one push say a line each; nowait does not wait', async () => {
  const side = await author.tryGit(['push', fleet.gitUrl(), 'HEAD:refs/heads/drafts']);
  assert.equal(side.code, 0, side.stderr);
  assert.doesNotMatch(side.stderr, /staged/);
  assert.match(side.stderr, /drafts is stored and not published; site sample publishes main/);
  await fleet.admin.sites.create({ name: 'preview', repository: 'sample', branch: 'preview' });
  await author.write('pages/0.html', 'both');
  await author.commit();
  const both = await author.tryGit([
    'push',
    fleet.gitUrl(),
    'HEAD:refs/heads/main',
    'HEAD:refs/heads/preview',
  ]);
  assert.equal(both.code, 0, both.stderr);
  assert.match(both.stderr, /remote: sample: staged 1\/1 {2}live 1\/1/);
  assert.match(both.stderr, /remote: preview: staged 1\/1 {2}live 1\/1/);
  await author.write('pages/0.html', 'later');
  await author.commit();
  const quick = await author.push(fleet.gitUrl(), ['-o', 'nowait']);
  assert.match(quick.stderr, /remote: queued as job \S+/);
  const mistaken = await author.tryGit([
    'push',
    '-o',
    'no-wait',
    fleet.gitUrl(),
    'HEAD:refs/heads/drafts',
    '--force',
  ]);
  assert.match(mistaken.stderr, /"no-wait" is not known and does nothing \(known: allow-delete, nowait\)/);
});
