import assert from 'node:assert/strict';
import { test } from 'node:test';
import { temporaryRegistry } from './testing/temporary-registry.ts';

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
