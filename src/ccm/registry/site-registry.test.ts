import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultSitePolicy } from '../../model/site.ts';
import { hasCode } from './testing/has-code.ts';
import { temporaryRegistry } from './testing/temporary-registry.ts';

test('R1.2 a site has a repository, a branch, a group and policies, with defaults for what is not named', async () => {
  const { registry, kinds } = await temporaryRegistry();
  const site = registry.sites.create({ name: 'docs', policy: { deleteShareMax: 0.9 } }, 'ann');
  assert.deepEqual(site, {
    name: 'docs',
    repository: 'docs',
    branch: 'main',
    group: 'all',
    policy: { ...defaultSitePolicy, deleteShareMax: 0.9 },
  });
  assert.deepEqual(registry.sites.get('docs'), site);
  assert.deepEqual(registry.sites.ofRepository('docs'), [site]);
  assert.equal(registry.sites.live('docs'), null);
  assert.equal(Buffer.from(registry.contentKeys.current('docs').key, 'base64').length, 32);
  assert.deepEqual(kinds(), ['site.added']);
});

test('a policy changes by its parts, and null goes back to the default', async () => {
  const { registry } = await temporaryRegistry();
  registry.sites.create({ name: 'docs', policy: { deleteShareMax: 0.9, autonomous: true } }, 'ann');
  const site = registry.sites.update('docs', { policy: { deleteShareMax: null, fileMode: '640' } }, 'ann');
  assert.deepEqual(site.policy, { ...defaultSitePolicy, autonomous: true, fileMode: '640' });
});

test('another branch counts as not handled; the same branch does not', async () => {
  const { registry, database } = await temporaryRegistry();
  registry.sites.create({ name: 'docs' }, 'ann');
  const headHandled = () =>
    database.first(database.queries.selectFrom('sites').select('head_handled'))?.head_handled;
  database.run(database.queries.updateTable('sites').set({ head_handled: 'a'.repeat(40) }));
  registry.sites.update('docs', { branch: 'main' }, 'ann');
  assert.equal(headHandled(), 'a'.repeat(40));
  registry.sites.update('docs', { branch: 'next' }, 'ann');
  assert.equal(headHandled(), null);
});

test('a site is refused with a code: twice, without its group, with an impossible name or branch', async () => {
  const { registry, kinds } = await temporaryRegistry();
  registry.sites.create({ name: 'docs' }, 'ann');
  assert.throws(() => registry.sites.create({ name: 'docs' }, 'ann'), hasCode('ALREADY_EXISTS'));
  assert.throws(() => registry.sites.create({ name: 'shop', group: 'gone' }, 'ann'), hasCode('NOT_FOUND'));
  assert.throws(() => registry.sites.update('docs', { group: 'gone' }, 'ann'), hasCode('NOT_FOUND'));
  assert.throws(() => registry.sites.get('shop'), hasCode('NOT_FOUND'));
  for (const name of ['', '..', '-a', 'a/b', 'A', 'x'.repeat(65), 'a b', 'é']) {
    assert.throws(() => registry.sites.create({ name }, 'ann'), hasCode('INVALID_INPUT'), name);
    assert.throws(
      () => registry.sites.create({ name: 'ok', repository: name }, 'ann'),
      hasCode('INVALID_INPUT'),
      name,
    );
  }
  const branches = ['', '-x', 'a..b', 'a b', 'a~1', 'a^', 'a:b', '.a', 'a/.b', 'a.lock', 'a/', '/a', 'a//b'];
  for (const branch of [...branches, '@', 'a@{1}', 'a\\b', 'a\u0000', 'a.', 'x'.repeat(201), '\ud800']) {
    assert.throws(
      () => registry.sites.create({ name: 'ok', branch }, 'ann'),
      hasCode('INVALID_INPUT'),
      branch,
    );
  }
  assert.deepEqual(kinds(), ['site.added']);
});

test('a site with an open job stays; one made anew after removal starts above the old decisions', async () => {
  const { registry, database } = await temporaryRegistry();
  const { queries } = database;
  const epoch = () => database.first(queries.selectFrom('sites').select('epoch'))?.epoch;
  registry.sites.create({ name: 'docs' }, 'ann');
  assert.equal(epoch(), 1);
  database.run(
    queries.insertInto('jobs').values({
      id: 'j1',
      site: 'docs',
      type: 'publish',
      phase: 'staging',
      requested_by: 'ann',
      created_at: 1,
    }),
  );
  assert.throws(() => registry.sites.remove('docs', 'ann'), hasCode('CONFLICT'));
  database.run(queries.updateTable('jobs').set({ phase: 'failed', ended_at: 2 }));
  registry.sites.remove('docs', 'ann');
  assert.deepEqual(registry.sites.list(), []);
  assert.deepEqual(registry.contentKeys.list('docs'), []);
  assert.equal(database.all(queries.selectFrom('jobs').select('id')).length, 1, 'history stays');
  registry.sites.create({ name: 'docs' }, 'ann');
  assert.equal(epoch(), 2);
  registry.sites.remove('docs', 'ann');
  registry.sites.create({ name: 'docs' }, 'ann');
  assert.equal(epoch(), 3);
});

test('what is live is read from the snapshot that the site names', async () => {
  const { registry, database, clock } = await temporaryRegistry();
  const { queries } = database;
  registry.sites.create({ name: 'docs' }, 'ann');
  const [base, tree] = ['a'.repeat(40), 'b'.repeat(40)];
  const snapshot = {
    site: 'docs',
    job: 'j1',
    epoch: 1,
    base_sequence: 1,
    content_sequence: 1,
    base_tree: base,
    base_mtime: 1,
    at: clock.now,
  };
  database.run(queries.insertInto('snapshots').values({ ...snapshot, sequence: 1, tree: base }));
  const id = database.run(
    queries.insertInto('snapshots').values({ ...snapshot, sequence: 2, tree, previous: 1 }),
  ).lastInsertRowid;
  database.run(queries.updateTable('sites').set({ live_snapshot: id }));
  assert.deepEqual(registry.sites.live('docs'), {
    id,
    job: 'j1',
    release: { epoch: 1, sequence: 2 },
    commit: null,
    baseTree: base,
    tree,
    at: '2026-11-23T00:00:00.000Z',
  });
});
