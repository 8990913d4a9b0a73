import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Push, PushAuthority } from '../../git-source/push-authority.ts';
import { createServiceDouble } from '../api/testing/service-double.ts';
import { createRepositories } from '../planning/repositories.ts';
import { createTreeDiffs } from '../planning/tree-diffs.ts';
import { createTreeGuard } from '../planning/tree-guard.ts';
import type { Registry } from '../registry/registry.ts';
import { temporaryRegistry } from '../registry/testing/temporary-registry.ts';
import { createPushAuthority } from './push-authority.ts';

interface Judging {
  readonly registry: Registry;
  readonly authority: PushAuthority;
  /** Authenticates and says how to have a deletion of the site's branch judged: a push that needs no objects. */
  begin(secret: string): Promise<() => Promise<{ readonly accepted: boolean; readonly lines?: unknown }>>;
}

async function judging(t: TestContext): Promise<Judging> {
  const { registry } = await temporaryRegistry();
  const directory = await mkdtemp(join(tmpdir(), 'treecast-authority-'));
  const repositories = createRepositories(directory, () => undefined);
  t.after(async () => {
    await repositories.close();
    await rm(directory, { recursive: true, force: true });
  });
  for (const name of ['docs', 'blog'])
    registry.sites.create({ name, policy: { branchDeletion: 'allow' } }, 'test');
  await repositories.ensure('docs', 'main');
  const authority = createPushAuthority({
    health: { require: () => undefined },
    registry,
    service: createServiceDouble(),
    repositories,
    guard: createTreeGuard(createTreeDiffs()),
    liveTree: () => null,
  });
  return {
    registry,
    authority,
    async begin(secret) {
      const who = await authority.authorize({ user: 'me', password: secret }, 'docs', 'write');
      const updates = [{ ref: 'refs/heads/main', before: '1'.repeat(40), after: '0'.repeat(40) }];
      const push: Push = { ...who, id: 'p', repository: 'docs', options: [], updates };
      const quarantine = { objectDirectory: join(directory, 'docs.git/objects'), alternates: '' };
      return () => authority.beforeRefs(push, quarantine);
    },
  };
}

test('a token that is revoked while the pack is on its way moves no ref; nor does a new token of its name help', async (t) => {
  const { registry, begin } = await judging(t);
  const { secret, token } = registry.tokens.create({ name: 'ann', roles: ['author'] }, 'test');
  const judge = await begin(secret);
  assert.deepEqual(await judge(), { accepted: true });
  registry.tokens.revoke(token.id, 'test');
  const refused = await judge();
  assert.equal(refused.accepted, false);
  assert.match(String(refused.lines), /ann was revoked or expired during the push \[UNAUTHENTICATED\]/);
  const again = registry.tokens.create({ name: 'ann', roles: ['author'] }, 'test');
  await begin(again.secret);
  assert.equal((await judge()).accepted, false);
});

test('two tokens of one name, one after the other, each have their own rights', async (t) => {
  const { registry, authority, begin } = await judging(t);
  const first = registry.tokens.create({ name: 'ann', roles: ['author'], sites: ['docs'] }, 'test');
  const judge = await begin(first.secret);
  registry.tokens.revoke(first.token.id, 'test');
  const second = registry.tokens.create({ name: 'ann', roles: ['author'], sites: ['blog'] }, 'test');
  await assert.rejects(authority.authorize({ user: 'me', password: second.secret }, 'docs', 'write'), {
    code: 'FORBIDDEN',
  });
  assert.equal((await judge()).accepted, false);
});
