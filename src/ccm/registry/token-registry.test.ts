import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toJsonColumn } from '../db/json-column.ts';
import { hasRole, isAuthorOf, maySee } from './permission.ts';
import { hasCode } from './testing/has-code.ts';
import { certificateOf, temporaryRegistry } from './testing/temporary-registry.ts';

test('a token is shown once, kept as a hash, and recognised until it is revoked', async () => {
  const { registry, database, kinds } = await temporaryRegistry();
  const { secret, token } = registry.tokens.create({ name: 'ci', roles: ['author'] }, 'ann');
  assert.match(secret, /^tc_[A-Za-z0-9_-]{43}$/);
  const stored = JSON.stringify([
    database.all(database.queries.selectFrom('tokens').selectAll()),
    registry.events.page({ after: 0, limit: 10 }),
    registry.tokens.list(),
  ]);
  assert.ok(!stored.includes(secret.slice(3)));
  assert.deepEqual(registry.tokens.authenticate(secret), {
    tokenId: token.id,
    name: 'ci',
    roles: ['author'],
    sites: null,
    expiresAt: null,
  });
  const revoked = registry.tokens.revoke(token.id, 'ann');
  assert.ok(revoked.revokedAt);
  assert.equal(registry.tokens.authenticate(secret), undefined);
  assert.deepEqual(registry.tokens.revoke(token.id, 'ann'), revoked, 'idempotent');
  assert.deepEqual(kinds(), ['token.created', 'token.revoked']);
});

test('a token expires at its time', async () => {
  const { registry, clock } = await temporaryRegistry();
  const expiresAt = clock.now + 1_000;
  const { secret } = registry.tokens.create({ name: 'ci', roles: ['viewer'], expiresAt }, 'ann');
  clock.now = expiresAt - 1;
  assert.equal(registry.tokens.authenticate(secret)?.name, 'ci');
  clock.now = expiresAt;
  assert.equal(registry.tokens.authenticate(secret), undefined);
});

test('what is not a token, or only nearly one, is nobody', async () => {
  const { registry, database } = await temporaryRegistry();
  const { secret, token } = registry.tokens.create({ name: 'ci', roles: ['viewer'] }, 'ann');
  const last = secret.endsWith('A') ? 'B' : 'A';
  for (const text of [
    '',
    'tc_',
    secret.slice(0, -1),
    `${secret.slice(0, -1)}${last}`,
    `${secret}=`,
    ` ${secret}`,
  ]) {
    assert.equal(registry.tokens.authenticate(text), undefined, text);
  }
  // A stored hash that agrees only in the part it is found by.
  const hash = database.first(database.queries.selectFrom('tokens').select('hash'))?.hash ?? '';
  database.run(database.queries.updateTable('tokens').set({ hash: hash.slice(0, 16).padEnd(64, '0') }));
  registry.tokens.create({ name: 'other', roles: ['viewer'] }, 'ann');
  assert.equal(registry.tokens.authenticate(secret), undefined, token.id);
});

test('a token that was not committed opens nothing', async () => {
  const { registry, database } = await temporaryRegistry();
  registry.tokens.create({ name: 'first', roles: ['viewer'] }, 'ann');
  let secret = '';
  assert.throws(() =>
    database.transaction(() => {
      secret = registry.tokens.create({ name: 'lost', roles: ['admin'] }, 'ann').secret;
      assert.equal(registry.tokens.authenticate(secret)?.name, 'lost');
      throw new Error('undone');
    }),
  );
  assert.equal(registry.tokens.authenticate(secret), undefined);
});

test('a token is refused with a code: its name taken, without roles, for a site that is not', async () => {
  const { registry } = await temporaryRegistry();
  const { tokens } = registry;
  const { token } = tokens.create({ name: 'ci', roles: ['viewer'] }, 'ann');
  assert.throws(() => tokens.create({ name: 'ci', roles: ['viewer'] }, 'ann'), hasCode('ALREADY_EXISTS'));
  assert.throws(() => tokens.create({ name: 'x', roles: [] }, 'ann'), hasCode('INVALID_INPUT'));
  assert.throws(
    () => tokens.create({ name: 'x', roles: ['author'], sites: ['gone'] }, 'ann'),
    hasCode('NOT_FOUND'),
  );
  assert.throws(() => tokens.revoke('t-nothing', 'ann'), hasCode('NOT_FOUND'));
  tokens.revoke(token.id, 'ann');
  tokens.create({ name: 'ci', roles: ['viewer'] }, 'ann');
});

test('roles include one another as the table says, and an author is bound to its sites', () => {
  const of = (...roles: Parameters<typeof hasRole>[1][]) => ({
    tokenId: 't',
    name: 'n',
    roles,
    sites: ['docs'],
    expiresAt: null,
  });
  const all = ['viewer', 'author', 'operator', 'admin'] as const;
  const granted = all.map((own) => all.filter((wanted) => hasRole(of(own), wanted)));
  assert.deepEqual(granted, [
    ['viewer'],
    ['author'],
    ['viewer', 'operator'],
    ['viewer', 'operator', 'admin'],
  ]);
  assert.equal(isAuthorOf(of('author'), 'docs'), true);
  assert.equal(isAuthorOf(of('author'), 'shop'), false);
  assert.equal(isAuthorOf({ ...of('author'), sites: null }, 'shop'), true);
  assert.equal(isAuthorOf(of('admin'), 'docs'), false);
  assert.equal(maySee(of('author'), 'shop'), false);
  assert.equal(maySee(of('author', 'operator'), 'shop'), true);
});

test('a join token is good for one node, for a short time', async () => {
  const { registry, clock } = await temporaryRegistry();
  const { joinTokens } = registry;
  const { secret } = joinTokens.create('ann');
  joinTokens.check(secret);
  registry.joinNode(secret, { name: 'a', ...certificateOf('a') });
  assert.throws(() => joinTokens.check(secret), hasCode('JOIN_TOKEN_INVALID'));
  assert.throws(
    () => registry.joinNode(secret, { name: 'b', ...certificateOf('b') }),
    hasCode('JOIN_TOKEN_INVALID'),
  );
  assert.equal(registry.nodes.find('b'), undefined);
  assert.throws(() => joinTokens.redeem('', 'b'), hasCode('JOIN_TOKEN_INVALID'));
  const late = joinTokens.create('ann', 365 * 24 * 3_600_000);
  assert.equal(late.expiresAt, clock.now + 24 * 3_600_000, 'a day at most');
  clock.now = late.expiresAt;
  assert.throws(() => joinTokens.redeem(late.secret, 'b'), hasCode('JOIN_TOKEN_INVALID'));
});

test('a join that is refused does not use the token up', async () => {
  const { registry } = await temporaryRegistry();
  registry.nodes.join({ name: 'a', ...certificateOf('a') });
  const { secret } = registry.joinTokens.create('ann');
  assert.throws(
    () => registry.joinNode(secret, { name: 'a', ...certificateOf('a2') }),
    hasCode('ALREADY_EXISTS'),
  );
  assert.equal(registry.joinNode(secret, { name: 'b', ...certificateOf('b') }).name, 'b');
});

test('removing a node ends its certificate; its name may join again with another', async () => {
  const { registry, database, kinds } = await temporaryRegistry();
  const [first, second] = [certificateOf('first'), certificateOf('second')];
  registry.sites.create({ name: 'docs' }, 'ann');
  registry.nodes.join({ name: 'a', ...first });
  database.run(
    database.queries.insertInto('node_sites').values({
      node: 'a',
      site: 'docs',
      phase: 'failed',
      live_tree: 'b'.repeat(40),
      live_epoch: 1,
      live_sequence: 3,
      live_since: 0,
      error: toJsonColumn({ code: 'STAGE_FAILED' as const, message: 'full' }),
    }),
  );
  assert.deepEqual(registry.nodes.sitesOf('a'), [
    {
      site: 'docs',
      phase: 'failed',
      held: null,
      stagedTree: null,
      stagedRelease: null,
      liveTree: 'b'.repeat(40),
      liveRelease: { epoch: 1, sequence: 3 },
      liveSince: '1970-01-01T00:00:00.000Z',
      backupTree: null,
      error: { code: 'STAGE_FAILED', message: 'full' },
    },
  ]);
  assert.equal(registry.nodes.byFingerprint(first.certificateFingerprint)?.name, 'a');
  registry.nodes.setMaintenance('a', true, 'ann');
  registry.nodes.setMaintenance('a', true, 'ann');
  assert.equal(registry.nodes.get('a').maintenance, true);
  registry.nodes.remove('a', 'ann');
  assert.equal(registry.nodes.byFingerprint(first.certificateFingerprint), undefined);
  assert.throws(() => registry.nodes.get('a'), hasCode('NOT_FOUND'));
  registry.nodes.join({ name: 'a', ...second });
  assert.equal(registry.nodes.get('a').maintenance, false);
  assert.deepEqual(registry.nodes.sitesOf('a'), []);
  registry.nodes.replaceCertificate('a', certificateOf('third'));
  assert.equal(registry.nodes.byFingerprint(second.certificateFingerprint), undefined);
  assert.deepEqual(kinds().slice(1), [
    'node.joined',
    'node.maintenance',
    'node.removed',
    'node.joined',
    'node.certificateRenewed',
  ]);
});

test('rotation retires the key that sealed; the old one still opens until it is forgotten', async () => {
  const { registry, clock, kinds } = await temporaryRegistry();
  const { contentKeys } = registry;
  registry.sites.create({ name: 'docs' }, 'ann');
  const first = contentKeys.current('docs');
  clock.now += 1_000;
  const second = contentKeys.rotate('docs', 'ann');
  clock.now += 1_000;
  const third = contentKeys.rotate('docs', 'ann');
  assert.deepEqual(
    contentKeys.list('docs').map((key) => key.id),
    [third.id, second.id, first.id],
  );
  assert.equal(contentKeys.current('docs').id, third.id);
  contentKeys.forget('docs', clock.now);
  assert.deepEqual(
    contentKeys.list('docs').map((key) => key.id),
    [third.id, second.id],
  );
  assert.throws(() => contentKeys.current('gone'), hasCode('NOT_FOUND'));
  assert.deepEqual(kinds(), ['site.added', 'contentKey.rotated', 'contentKey.rotated']);
});

test('followers of the event log hear what was committed, in order, and nothing that was rolled back', async () => {
  const { registry, database } = await temporaryRegistry();
  const heard: number[] = [];
  const stop = registry.events.subscribe((event) => heard.push(event.id));
  const append = () => registry.events.append({ actor: 'ann', kind: 'a.happened', data: { x: 1 } });
  append();
  assert.throws(() =>
    database.transaction(() => {
      append();
      throw new Error('undone');
    }),
  );
  database.transaction(() => {
    append();
    append();
    assert.equal(heard.length, 1);
  });
  stop();
  append();
  const page = registry.events.page({ after: 0, limit: 3 });
  assert.deepEqual(
    page.map((event) => event.id),
    heard,
  );
  assert.deepEqual(
    { ...page[0] },
    {
      id: heard[0],
      at: '2026-11-23T00:00:00.000Z',
      actor: 'ann',
      kind: 'a.happened',
      site: null,
      job: null,
      node: null,
      data: { x: 1 },
    },
  );
  assert.deepEqual(
    registry.events.page({ after: heard[2] ?? 0, limit: 10 }).map((event) => event.id),
    [registry.events.newestId()],
  );
});

test('settings are kept by key', async () => {
  const { registry } = await temporaryRegistry();
  assert.equal(registry.settings.get('a'), undefined);
  registry.settings.set('a', '1');
  registry.settings.set('a', '2');
  assert.equal(registry.settings.get('a'), '2');
});
