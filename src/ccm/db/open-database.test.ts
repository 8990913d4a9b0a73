import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { hasCode } from '../registry/testing/has-code.ts';
import type { CcmDatabase } from './ccm-database.ts';
import { toJsonColumn } from './json-column.ts';
import { migrations } from './migrate.ts';
import { openDatabase } from './open-database.ts';

const folder = mkdtempSync(join(tmpdir(), 'treecast-db-'));
after(() => rmSync(folder, { recursive: true }));

const event = (database: CcmDatabase, kind: string) =>
  database.queries.insertInto('events').values({ at: 1, actor: 'a', kind, data: toJsonColumn({}) });
const kinds = (database: CcmDatabase) =>
  database.all(database.queries.selectFrom('events').select('kind').orderBy('id')).map((row) => row.kind);

async function memory(): Promise<CcmDatabase> {
  const database = await openDatabase(':memory:');
  after(() => database.close());
  return database;
}

test('an empty file is brought to the newest tables, strict ones, and keeps its rows when it is opened again', async () => {
  const path = join(folder, 'reopen.db');
  const database = await openDatabase(path);
  database.run(event(database, 'kept'));
  database.close();
  const again = await openDatabase(path);
  assert.deepEqual(kinds(again), ['kept']);
  again.close();
  const raw = new DatabaseSync(path);
  const applied = raw.prepare('select name from kysely_migration order by name').all();
  assert.deepEqual(
    applied.map((row) => row.name),
    Object.keys(migrations),
  );
  const loose = raw.prepare("select name from pragma_table_list where schema = 'main' and strict = 0").all();
  assert.deepEqual(
    loose.map((row) => row.name).filter((name) => !/^(kysely_|sqlite_)/.test(String(name))),
    [],
  );
  raw.close();
  assert.equal(statSync(path).mode & 0o777, 0o600, 'it holds content keys');
});

test('the content group `all` with an empty selector exists from the start', async () => {
  const database = await memory();
  const groups = database.all(database.queries.selectFrom('groups').selectAll());
  assert.deepEqual(
    groups.map((group) => [group.name, group.selector]),
    [['all', '{}']],
  );
});

test('strict tables refuse what the types would not let through', async () => {
  const database = await memory();
  const wrong = [
    "insert into settings (key, value) values ('a', x'00')",
    "insert into events (at, actor, kind, data) values ('soon', 'a', 'k', '{}')",
    "insert into events (at, actor, kind, data) values (1, 'a', 'k', '{')",
    "insert into groups (name, selector) values ('g', 'not json')",
    "insert into sites (name, repository, branch, group_name, policy, created_at, epoch) values ('s', 's', 'main', 'nowhere', '{}', 1, 1)",
    "insert into jobs (id, site, type, phase, requested_by, created_at) values ('j', 's', 'publish', 'asleep', 'x', 1)",
  ];
  for (const sql of wrong) {
    assert.throws(
      () => database.run({ compile: () => ({ sql, parameters: [] }) as never }),
      /constraint failed|cannot store/,
      sql,
    );
  }
});

test('the event log is append-only', async () => {
  const database = await memory();
  database.run(event(database, 'first'));
  const change = database.queries.updateTable('events').set({ actor: 'forged' });
  const removal = database.queries.deleteFrom('events');
  assert.throws(() => database.run(change), /append-only/);
  assert.throws(() => database.run(removal), /append-only/);
  assert.deepEqual(kinds(database), ['first']);
});

test('a batch that fails half-way leaves nothing behind, and its callbacks never run', async () => {
  const database = await memory();
  const called: string[] = [];
  assert.throws(() =>
    database.transaction(() => {
      database.afterCommit(() => called.push('failed'));
      const setting = database.queries.insertInto('settings').values({ key: 'twice', value: '' });
      database.writeBatch([event(database, 'lost'), setting, setting]);
    }),
  );
  assert.deepEqual(kinds(database), []);
  database.transaction(() => {
    database.afterCommit(() => called.push(`committed ${kinds(database).join()}`));
    database.run(event(database, 'kept'));
  });
  assert.deepEqual(called, ['committed kept']);
});

test('a transaction joins the one around it, is synchronous, and is durable only when the outer one is', async () => {
  const database = await openDatabase(join(folder, 'durable.db'));
  const level = () =>
    database.first<{ synchronous: number }>({
      compile: () => ({ sql: 'pragma synchronous', parameters: [] }) as never,
    })?.synchronous;
  assert.throws(() => database.transaction(async () => 1), /synchronous/);
  assert.throws(
    () => database.transaction(() => database.transaction(() => 1, { durable: true })),
    /durable transaction cannot join/,
  );
  const levels = [
    database.transaction(level),
    database.transaction(() => database.transaction(level), { durable: true }),
    database.transaction(level),
  ];
  assert.deepEqual(levels, [1, 2, 1]);
  database.close();
});

test('a file that is no database, or of a newer version, is refused and left as it was', async () => {
  const garbage = join(folder, 'garbage.db');
  writeFileSync(garbage, 'x'.repeat(5_000));
  await assert.rejects(openDatabase(garbage), hasCode('STATE_CORRUPT'));
  const newer = join(folder, 'newer.db');
  (await openDatabase(newer)).close();
  const raw = new DatabaseSync(newer);
  raw.exec("insert into kysely_migration (name, timestamp) values ('9999-later', '2030-01-01')");
  raw.close();
  await assert.rejects(openDatabase(newer), (error) => {
    assert.match(String(error), /newer version.*9999-later/);
    return hasCode('STATE_CORRUPT')(error);
  });
});
