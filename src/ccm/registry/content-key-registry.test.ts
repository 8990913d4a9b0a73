import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasCode } from './testing/has-code.ts';
import { temporaryRegistry } from './testing/temporary-registry.ts';

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
  contentKeys.forget('docs', new Set([second.id]));
  assert.deepEqual(
    contentKeys.list('docs').map((key) => key.id),
    [third.id, second.id],
  );
  assert.throws(() => contentKeys.current('gone'), hasCode('NOT_FOUND'));
  assert.deepEqual(kinds(), ['site.added', 'contentKey.rotated', 'contentKey.rotated']);
});
