import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasRole, isAuthorOf, maySee } from './permission.ts';
import { hasCode } from './testing/has-code.ts';
import { temporaryRegistry } from './testing/temporary-registry.ts';

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
  assert.deepEqual(registry.tokens.find(token.id), registry.tokens.authenticate(secret));
  const revoked = registry.tokens.revoke(token.id, 'ann');
  assert.ok(revoked.revokedAt);
  assert.equal(registry.tokens.authenticate(secret), undefined);
  assert.equal(registry.tokens.find(token.id), undefined);
  assert.deepEqual(registry.tokens.revoke(token.id, 'ann'), revoked, 'idempotent');
  assert.deepEqual(kinds(), ['token.created', 'token.revoked']);
});

test('a token expires at its time', async () => {
  const { registry, clock } = await temporaryRegistry();
  const expiresAt = clock.now + 1_000;
  const { secret, token } = registry.tokens.create({ name: 'ci', roles: ['viewer'], expiresAt }, 'ann');
  clock.now = expiresAt - 1;
  assert.equal(registry.tokens.authenticate(secret)?.name, 'ci');
  assert.equal(registry.tokens.find(token.id)?.name, 'ci');
  clock.now = expiresAt;
  assert.equal(registry.tokens.authenticate(secret), undefined);
  assert.equal(registry.tokens.find(token.id), undefined);
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
