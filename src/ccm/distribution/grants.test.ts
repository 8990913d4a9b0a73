import assert from 'node:assert/strict';
import { test } from 'node:test';
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
