import assert from 'node:assert/strict';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { pino } from 'pino';
import { createClient } from '../../client/client.ts';
import { runGit } from '../../git-source/run-git.ts';
import { createTestRepository, file } from '../../git-source/test-repository.ts';
import { temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { until } from '../../plugins/testing/until.ts';
import { runCcm } from '../ccm.ts';
import { openDatabase } from '../db/open-database.ts';
import { createRepositories } from '../planning/repositories.ts';
import { createRegistry } from '../registry/registry.ts';
import { loadState } from '../runner/load-state.ts';
import { settleCopy } from '../runner/settle-copy.ts';
import { createPushRecovery } from './recover-pushes.ts';

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

test('JOB-29 what a branch holds that could not be read when the database was copied back is not published by itself', async (t) => {
  const repository = await createTestRepository();
  const repositories = createRepositories(dirname(repository.path), () => undefined);
  t.after(async () => {
    await repositories.close();
    repository.remove();
  });
  const commit = repository.commit(repository.writeTree({ 'index.html': file('of another time') }));
  repository.git('update-ref', 'refs/heads/main', commit);
  const database = await openDatabase(':memory:');
  t.after(() => database.close());
  const { sites, events } = createRegistry(database);
  sites.create({ name: basename(repository.path, '.git') }, 'test');
  const found: unknown[] = [];
  const recover = () =>
    createPushRecovery({
      state: loadState(database, 0),
      repositories,
      service: { publish: async ({ commit: head }) => void found.push(head) as never },
      isPushing: () => false,
      logger: pino({ level: 'silent' }),
    })();
  await settleCopy({ database, events, now: 1, headOf: () => Promise.reject(new Error('EIO')) });
  await recover();
  assert.deepEqual(found, []);
  database.run(database.queries.updateTable('sites').set({ head_handled: null }));
  await recover();
  assert.deepEqual(found, [commit], 'it can be read');
});
