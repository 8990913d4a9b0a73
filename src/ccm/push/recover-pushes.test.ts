import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pino } from 'pino';
import { createClient } from '../../client/client.ts';
import { runGit } from '../../git-source/run-git.ts';
import { createTestRepository, file } from '../../git-source/test-repository.ts';
import { temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { until } from '../../plugins/testing/until.ts';
import { runCcm } from '../ccm.ts';

test('a branch that moved and whose event was lost while the CCM lives is found by the timer, once', async (t) => {
  const directory = join(temporaryDirectory(t), 'ccm');
  const ccm = await runCcm({
    directory,
    listen: '127.0.0.1:0',
    agentListen: '127.0.0.1:0',
    logger: pino({ level: 'silent' }),
    create: true,
    recoverIntervalMs: 50,
  });
  t.after(() => ccm.close());
  const { secret } = ccm.registry.tokens.create({ name: 'test', roles: ['admin'] }, 'test');
  const client = createClient({ api: ccm.api, token: secret });
  await client.sites.create({ name: 'docs' });

  const author = await createTestRepository();
  t.after(() => author.remove());
  const commit = author.commit(author.writeTree({ 'index.html': file('pushed') }));
  author.git('update-ref', 'refs/heads/main', commit);
  const repositoryPath = join(directory, 'repositories', 'docs.git');
  await runGit(['fetch', '--quiet', author.path, 'main:main'], { repositoryPath });

  await until('it is found', async () => (await client.jobs.list({ site: 'docs', limit: 10 })).length > 0);
  const other = author.commit(author.writeTree({ 'index.html': file('pushed later') }));
  author.git('update-ref', 'refs/heads/main', other);
  await runGit(['fetch', '--quiet', author.path, '+main:main'], { repositoryPath });
  await until('the next one is found', async () =>
    (await client.jobs.list({ site: 'docs', limit: 10 })).some((job) => job.commit === other),
  );
  const jobs = await client.jobs.list({ site: 'docs', limit: 10 });
  assert.deepEqual(new Set(jobs.map((job) => job.commit)), new Set([commit, other]));
  assert.equal(jobs.length, 2);
  assert.ok(jobs.every((job) => job.requestedBy === 'recovery'));
});
