// Every schema that was ever released, with rows in every table (golden/*.sql), is brought to this version's: nothing is lost, and a
// SIGKILL at any statement leaves the old schema or the new one.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { createRegistry } from '../registry/registry.ts';
import { loadState } from '../runner/load-state.ts';
import { migrations } from './migrate.ts';
import { openDatabase } from './open-database.ts';
import { sampleRows } from './testing/sample-rows.ts';

type Row = Readonly<Record<string, unknown>>;

const golden = fileURLToPath(new URL('./golden/', import.meta.url));
const names = Object.keys(migrations);
const ofKysely = /^(?:kysely_|sqlite_)/;

function textsOf(raw: DatabaseSync, sql: string): string[] {
  return raw
    .prepare(sql)
    .all()
    .map((row) => String(Object.values(row)[0]));
}

const tablesOf = (raw: DatabaseSync) =>
  textsOf(raw, "select name from sqlite_schema where type = 'table' order by rowid").filter(
    (name) => !ofKysely.test(name),
  );
const schemaOf = (raw: DatabaseSync) =>
  textsOf(
    raw,
    "select sql from sqlite_schema where sql is not null and name not like 'kysely_%' order by name",
  );
const appliedIn = (raw: DatabaseSync) => textsOf(raw, 'select name from kysely_migration order by name');

function rowsOf(raw: DatabaseSync): Map<string, Row[]> {
  return new Map(
    tablesOf(raw).map((table) => [table, raw.prepare(`select * from "${table}" order by 1, 2`).all()]),
  );
}

function load(t: TestContext, name: string): string {
  const path = join(temporaryDirectory(t), 'ccm.db');
  const raw = new DatabaseSync(path);
  raw.exec(readFileSync(join(golden, `${name}.sql`), 'utf8'));
  raw.close();
  return path;
}

/** A database as SQL text. */
function dump(raw: DatabaseSync): string {
  const quoted = (value: unknown) =>
    value === null
      ? 'null'
      : typeof value === 'number'
        ? String(value)
        : `'${String(value).replaceAll("'", "''")}'`;
  const all = textsOf(
    raw,
    "select name from sqlite_schema where type = 'table' and name not like 'sqlite_%' order by rowid",
  );
  const inserts = all.flatMap((table) =>
    raw
      .prepare(`select * from "${table}"`)
      .all()
      .map(
        (row) =>
          `insert into "${table}" (${Object.keys(row).join(', ')}) values (${Object.values(row).map(quoted).join(', ')});`,
      ),
  );
  const schema = (type: string) =>
    textsOf(
      raw,
      `select sql from sqlite_schema where ${type} and sql is not null and name not like 'sqlite_%' order by rowid`,
    ).map((sql) => `${sql};`);
  return [
    'begin;',
    'pragma defer_foreign_keys = on;',
    ...schema("type = 'table'"),
    ...inserts,
    ...schema("type <> 'table'"),
    'commit;',
    '',
  ].join('\n');
}

test('N66 the newest schema has a golden database, for the versions to come', async (t) => {
  const newest = names.at(-1) as string;
  const path = join(golden, `${newest}.sql`);
  if (process.env['WRITE_GOLDEN'] === '1' && !existsSync(path)) {
    const file = join(temporaryDirectory(t), 'ccm.db');
    const database = await openDatabase(file);
    database.close();
    const raw = new DatabaseSync(file);
    sampleRows(raw);
    writeFileSync(path, dump(raw));
    raw.close();
  }
  assert.ok(
    existsSync(path),
    'add it: WRITE_GOLDEN=1 node --test src/ccm/db/migrate.test.ts; never change one that is there',
  );
});

for (const name of readdirSync(golden).map((file) => file.replace('.sql', ''))) {
  test(`N66 ${name}: every row is kept, the tables are those of a new database, and a CCM works with it`, async (t) => {
    const path = load(t, name);
    const raw = new DatabaseSync(path);
    const before = rowsOf(raw);
    for (const [table, rows] of before)
      assert.ok(rows.length > 0, `${table} has rows: add some to testing/sample-rows.ts`);
    assert.deepEqual(appliedIn(raw), names.slice(0, names.indexOf(name) + 1));
    const database = await openDatabase(path);
    const after = rowsOf(raw);
    for (const [table, rows] of before) {
      const kept = after
        .get(table)
        ?.map((row) => Object.fromEntries(Object.keys(rows[0] ?? {}).map((key) => [key, row[key]])));
      assert.deepEqual(
        kept,
        rows.map((row) => ({ ...row })),
        table,
      );
    }
    const fresh = join(temporaryDirectory(t), 'ccm.db');
    (await openDatabase(fresh)).close();
    const made = new DatabaseSync(fresh);
    assert.deepEqual(schemaOf(raw), schemaOf(made));
    assert.deepEqual(textsOf(raw, 'pragma foreign_key_check'), []);
    assert.deepEqual(textsOf(raw, 'pragma integrity_check'), ['ok']);
    const state = loadState(database, 0);
    assert.equal(state.sites.get('docs')?.live?.tree, 'b'.repeat(40));
    assert.equal(state.jobs.size, 1);
    const registry = createRegistry(database);
    assert.deepEqual(
      registry.nodes.list().map((node) => node.name),
      ['web1'],
    );
    assert.equal(registry.tokens.list().length, 2);
    for (const each of [raw, made]) each.close();
    database.close();
  });
}

test('a SIGKILL at any statement of all migrations leaves the old database or the new one, and the next start ends the work', async (t) => {
  const [first] = names as [string];
  /** Opens the file and dies at the n-th statement; false when there are not so many. */
  async function dieAt(path: string, statement: number): Promise<boolean> {
    const program = `
      import { DatabaseSync } from 'node:sqlite';
      let left = ${statement};
      for (const name of ['exec', 'prepare']) {
        const run = DatabaseSync.prototype[name];
        DatabaseSync.prototype[name] = function (...args) {
          left -= 1;
          if (left === 0) process.kill(process.pid, 'SIGKILL');
          return run.apply(this, args);
        };
      }
      const { openDatabase } = await import(${JSON.stringify(new URL('./open-database.ts', import.meta.url).href)});
      (await openDatabase(${JSON.stringify(path)})).close();`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
    return signal === 'SIGKILL';
  }
  const seen = new Set<number>();
  /** Whether it died. */
  async function check(statement: number): Promise<boolean> {
    const path = load(t, first);
    const isKilled = await dieAt(path, statement);
    const raw = new DatabaseSync(path);
    const applied = appliedIn(raw);
    seen.add(applied.length);
    const tables = new Set(tablesOf(raw));
    raw.close();
    assert.ok(
      applied.length === 1 || applied.length === names.length,
      `killed at statement ${statement}: ${applied.join()}`,
    );
    assert.equal(tables.has('plugin_tasks'), applied.length === names.length);
    const database = await openDatabase(path);
    assert.equal(loadState(database, 0).sites.size, 1);
    database.close();
    return isKilled;
  }
  for (let statement = 1; ; statement += 4) {
    const died = await Promise.all([0, 1, 2, 3].map((more) => check(statement + more)));
    if (died.includes(false)) break;
  }
  assert.deepEqual(seen, new Set([1, names.length]));
});
