import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownerProfile } from '../../model/messages.ts';
import { siteGrantSchema } from '../../net/link/ccm-message-schema.ts';
import { certificateOf, temporaryRegistry } from '../registry/testing/temporary-registry.ts';
import { loadState } from '../runner/load-state.ts';
import { createGrants } from './grants.ts';

test('KEYS-7 KEYS-13: after any number of removed nodes a grant is one that agents take, with the key that seals first', async () => {
  const { registry, database } = await temporaryRegistry();
  registry.groups.create({ name: 'web', selector: {} }, 'test');
  registry.sites.create({ name: 'docs', group: 'web' }, 'test');
  for (let index = 0; index < 20; index++) {
    registry.nodes.join({ name: 'web1', ...certificateOf(`web1 ${index}`) });
    const before = registry.contentKeys.current('docs').id;
    assert.deepEqual(registry.removeNode('web1', 'test'), ['docs']);
    assert.notEqual(registry.contentKeys.current('docs').id, before);
  }
  const grants = createGrants(
    loadState(database, 0),
    registry,
    (decision) => decision,
    () => false,
  );
  const grant = grants.ofSite('docs', 'web2');
  assert.doesNotThrow(() => siteGrantSchema.parse(grant));
  assert.equal(grant?.contentKeys[0]?.id, registry.contentKeys.current('docs').id);
});

test('LINK-40 N66 owner and group are told to agents that know them; the others cannot have the site', async () => {
  const { registry, database } = await temporaryRegistry();
  registry.groups.create({ name: 'web', selector: {} }, 'test');
  registry.sites.create({ name: 'docs', group: 'web', policy: { owner: 'www-data', group: '33' } }, 'test');
  registry.sites.create({ name: 'plain', group: 'web' }, 'test');
  const grants = createGrants(
    loadState(database, 0),
    registry,
    (decision) => decision,
    (node, profile) => node === 'new' && profile === ownerProfile,
  );
  const toldTo = (node: string, site: string) => {
    const { policy } = siteGrantSchema.parse(grants.ofSite(site, node));
    return { owner: policy.owner, group: policy.group };
  };
  const nothing = { owner: undefined, group: undefined };
  assert.deepEqual(toldTo('new', 'docs'), { owner: 'www-data', group: '33' });
  assert.deepEqual(toldTo('new', 'plain'), nothing);
  assert.deepEqual(toldTo('old', 'docs'), nothing);
  assert.equal(grants.refusal('docs', 'new'), null);
  assert.equal(grants.refusal('plain', 'old'), null);
  assert.equal(grants.refusal('docs', 'old')?.code, 'ASSIGNMENT_PROFILE_UNKNOWN');
});
