import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toJsonColumn } from '../db/json-column.ts';
import { createNodeAuthority } from './node-authority.ts';
import { hasCode } from './testing/has-code.ts';
import { certificateOf, temporaryRegistry } from './testing/temporary-registry.ts';

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

test('LINK-13 N26 a join whose answer died with the CCM is repeated with the same key, and with no other', async () => {
  const { registry, clock } = await temporaryRegistry();
  const { joinTokens, certificates, nodes } = registry;
  const { secret, expiresAt } = joinTokens.create('ann');
  const join = (certificate: string, keyHash: string, name = 'a', token = secret) =>
    registry.joinNode(token, { name, keyHash, ...certificateOf(certificate) });
  join('lost', 'key');
  join('again', 'key');
  assert.equal(certificates.use('a', certificateOf('again').certificate), 'good');
  assert.equal(certificates.use('a', certificateOf('lost').certificate), 'replaced');
  assert.throws(() => join('other', 'other key'), hasCode('JOIN_TOKEN_INVALID'));
  assert.throws(() => join('other', 'key', 'b'), hasCode('JOIN_TOKEN_INVALID'));
  nodes.remove('a', 'ann');
  assert.throws(() => join('removed', 'key'), hasCode('JOIN_TOKEN_INVALID'));
  join('anew', 'key of another machine', 'a', joinTokens.create('ann').secret);
  assert.throws(() => join('former', 'key'), hasCode('JOIN_TOKEN_INVALID'));
  const second = joinTokens.create('ann').secret;
  join('second', 'key', 'c', second);
  clock.now = expiresAt;
  assert.throws(() => join('late', 'key', 'c', second), hasCode('JOIN_TOKEN_INVALID'));
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
  registry.nodes.setMaintenance('a', true, 'ann');
  registry.nodes.setMaintenance('a', true, 'ann');
  assert.equal(registry.nodes.get('a').maintenance, true);
  registry.nodes.remove('a', 'ann');
  assert.throws(() => registry.nodes.get('a'), hasCode('NOT_FOUND'));
  registry.nodes.join({ name: 'a', ...second });
  assert.equal(registry.nodes.get('a').maintenance, false);
  assert.deepEqual(registry.nodes.sitesOf('a'), []);
  assert.deepEqual(kinds().slice(1), ['node.joined', 'node.maintenance', 'node.removed', 'node.joined']);
});

test("the agents' port admits a certificate only for its own node, and only while it is the node's", async () => {
  const { registry } = await temporaryRegistry();
  const authority = createNodeAuthority(registry);
  const [{ certificate: a }, { certificate: b }] = [certificateOf('a'), certificateOf('b')];
  const { secret } = registry.joinTokens.create('ann');
  await authority.redeem(secret, 'a', a, 'key');
  authority.check(secret, 'a');
  assert.throws(() => authority.check(secret, 'b'), hasCode('JOIN_TOKEN_INVALID'));
  assert.equal(await authority.standing('a', a), 'good');
  assert.equal(await authority.standing('b', a), 'unknown');
  registry.nodes.remove('a', 'ann');
  assert.equal(await authority.standing('a', a), 'removed');
  assert.equal(await authority.standing('a', b), 'unknown');
});
