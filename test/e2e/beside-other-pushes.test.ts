// Pushers beside and behind one another, and beside a repository that is broken: who waits is told for what, and nobody else is held up.

import assert from 'node:assert/strict';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createClient } from '../../src/client/client.ts';
import { until } from '../../src/plugins/testing/until.ts';
import { type Author, createAuthor, type GitResult } from '../lab/author.ts';
import { type Fleet, startFleet } from './support/fleet.ts';

let fleet: Fleet;
let author: Author;
before(async () => {
  fleet = await startFleet({ agents: 2 });
  author = await createAuthor();
});
after(async () => {
  await author.remove();
  await fleet.stop();
});

test('ten sites at once: each is live everywhere, none waits for another', async () => {
  const names = Array.from({ length: 10 }, (_, n) => `site-${n}`);
  for (const name of names) await fleet.admin.sites.create({ name });
  await author.write('index.html', 'of ten sites');
  await author.commit();
  const results = await Promise.all(
    names.map((name) => author.tryGit(['push', fleet.gitUrl(name), 'HEAD:refs/heads/main'])),
  );
  const tree = await author.tree();
  for (const { code, stderr } of results) {
    assert.equal(code, 0, stderr);
    assert.match(stderr, /live 2\/2/);
  }
  for (const name of names) assert.equal((await fleet.admin.sites.status(name)).tree, tree);
});

test('JOB-18 a pusher behind a running job is told what it waits for, and then what became of it', async () => {
  const [, frozen] = [...fleet.up.agentPids()][0] as readonly [string, number];
  process.kill(frozen, 'SIGSTOP');
  let second: Promise<GitResult> | undefined;
  try {
    await author.write('index.html', 'first of two');
    await author.commit();
    const first = author.push(fleet.gitUrl());
    await until('the first job runs', async () => {
      const { job } = await fleet.admin.sites.status('sample');
      return job?.phase === 'staging';
    });
    await author.write('index.html', 'second of two');
    await author.commit();
    second = author.push(fleet.gitUrl());
    await until('the second waits', async () => {
      const jobs = await fleet.admin.jobs.list({ site: 'sample', limit: 5 });
      return jobs.some(({ phase }) => phase === 'queued');
    });
    process.kill(frozen, 'SIGCONT');
    assert.match((await first).stderr, /live 2\/2/);
  } finally {
    process.kill(frozen, 'SIGCONT');
  }
  const { code, stderr } = await second;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /queued behind job j[0-9a-f]+/);
  assert.match(stderr, /live 2\/2/);
});

test('N70 a token for one site neither reads nor changes another, by Git or by the API, nor another branch of a shared repository', async () => {
  await fleet.admin.sites.create({ name: 'theirs' });
  await fleet.admin.sites.create({ name: 'shared', repository: 'sample', branch: 'b' });
  const { token } = await fleet.admin.tokens.create({
    name: 'tenant',
    roles: ['author'],
    sites: ['theirs', 'shared'],
  });
  const tenant = createClient({ api: fleet.up.ready.api, token });
  const mine = await author.tryGit(['push', fleet.gitUrl('theirs', token), 'HEAD:refs/heads/main']);
  assert.equal(mine.code, 0, mine.stderr);

  await fleet.admin.sites.create({ name: 'ours' });
  for (const args of [
    ['ls-remote', fleet.gitUrl('ours', token)],
    ['push', fleet.gitUrl('ours', token), 'HEAD:refs/heads/main'],
    ['push', fleet.gitUrl('ours', token), 'HEAD:refs/heads/side'],
  ]) {
    const { code, stderr } = await author.tryGit(args);
    assert.notEqual(code, 0);
    assert.match(stderr, /may not (?:read|push to) repository ours/);
  }
  const before = await author.git('ls-remote', fleet.gitUrl('sample'));
  await author.write('index.html', 'of the tenant');
  await author.commit();
  for (const refs of [
    ['HEAD:refs/heads/main'],
    ['HEAD:refs/heads/b', 'HEAD:refs/heads/main'],
    [':refs/heads/main'],
  ]) {
    const { code, stderr } = await author.tryGit(['push', '-f', fleet.gitUrl('sample', token), ...refs]);
    assert.notEqual(code, 0);
    assert.match(stderr, /token tenant may not push to site sample \(branch main\).*FORBIDDEN/);
  }
  assert.equal(await author.git('ls-remote', fleet.gitUrl('sample')), before, 'nothing moved');

  const { job } = await fleet.admin.sites.status('sample');
  assert.ok(job !== null);
  const forbidden = { code: 'FORBIDDEN' };
  await assert.rejects(tenant.sites.publish('sample', {}), forbidden);
  await assert.rejects(tenant.sites.rollback('sample'), forbidden);
  await assert.rejects(tenant.sites.rollback('theirs'), forbidden);
  await assert.rejects(tenant.sites.status('sample'), forbidden);
  await assert.rejects(tenant.sites.verify('sample'), forbidden);
  await assert.rejects(tenant.sites.remove('sample'), forbidden);
  await assert.rejects(tenant.jobs.get(job.id), (error: { code: string }) =>
    /FORBIDDEN|NOT_FOUND/.test(error.code),
  );
  await assert.rejects(tenant.jobs.abort(job.id), (error: { code: string }) =>
    /FORBIDDEN|NOT_FOUND/.test(error.code),
  );
  const seen = new Set((await tenant.jobs.list({ limit: 100 })).map(({ site }) => site));
  assert.ok(!seen.has('sample') && !seen.has('ours'));
});

test('N61 with its repository broken a site keeps its status and its way back; publishing says what is wrong', async () => {
  const repository = join(fleet.directory, 'ccm/repositories/sample.git');
  const first = await author.push(fleet.gitUrl());
  assert.equal(first.code, 0, first.stderr);
  const former = await author.tree();
  await author.write('index.html', 'the last good one');
  await author.commit();
  assert.equal((await author.push(fleet.gitUrl())).code, 0);
  await rename(join(repository, 'objects'), join(repository, 'objects.away'));
  try {
    assert.equal((await fleet.treecast('status', 'sample', '--json')).code, 0);
    const publish = await fleet.treecast('publish', 'sample', '--json');
    assert.notEqual(publish.code, 0);
    const { error } = JSON.parse(publish.stdout || publish.stderr) as { error: { code: string } };
    assert.match(error.code, /GIT_FAILED|REF_UNKNOWN/);
    await author.write('index.html', 'into the broken one');
    await author.commit();
    const pushed = await author.push(fleet.gitUrl());
    assert.notEqual(pushed.code, 0);
    assert.match(pushed.stderr, /The repository cannot be read on the server/);
    const rolledBack = await fleet.treecast('rollback', 'sample');
    assert.equal(rolledBack.code, 0, rolledBack.stderr);
    assert.equal((await fleet.admin.sites.status('sample')).tree, former);
    await fleet.assertServed(former);
  } finally {
    await rename(join(repository, 'objects.away'), join(repository, 'objects'));
  }
  const again = await author.push(fleet.gitUrl());
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stderr, /live 2\/2/);
});
