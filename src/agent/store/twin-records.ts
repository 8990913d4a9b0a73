// twins.db: which twins lie in which tree slot, of which blob they were made and what bytes they have (STG-20). Durable, because after
// a loss nothing else tells a twin from a file that the author published. Opened when first used: a site without twins has no such file.
// A damaged one is made anew, also while it is used; then nothing is known, and live is read again (STG-23).

import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { failpoint } from '../../faults/failpoint.ts';
import type { ObjectId } from '../../model/tree.ts';
import type { Steps } from '../../slices/slices.ts';
import { nameOf, parentOf } from './directory-handles.ts';
import { isDamaged, openDatabase, removeDatabase } from './open-database.ts';
import { IndexGap } from './tree-index.ts';
import { twinNamesOf } from './twin-names.ts';

export interface TwinRecord {
  /** Blob id of the file that the twin was made of. */
  readonly source: ObjectId;
  /** Blob id of the twin itself. */
  readonly id: ObjectId;
}

export interface PlacedTwin extends TwinRecord {
  readonly path: string;
}

/** Any call, and any step, may throw {@link IndexGap}: the records turned out damaged, and nothing is known from then on. */
export interface TwinRecords {
  /** Whether all twins of the slot are recorded. */
  isKnown(slot: number): boolean;
  /** The slot that had this directory when a release was last staged in it, and the first number no slot ever had. */
  slotAt(directory: string): { readonly slot: number; readonly nextNumber: number } | undefined;
  /** By name. */
  inDirectory(slot: number, directory: string): ReadonlyMap<string, TwinRecord>;
  recordOf(slot: number, path: string): TwinRecord | undefined;
  /** Durable when it returns; so are the steps of the others when they are done. */
  putNow(slot: number, twins: readonly PlacedTwin[]): void;
  put(slot: number, twins: Iterable<PlacedTwin>): Steps;
  /** These paths are no twins any more. */
  remove(slot: number, paths: Iterable<string>): Steps;
  removeDirectory(slot: number, directory: string): void;
  /** What is recorded of these paths and of their twins is for `to` what it is for `from`. */
  copyPaths(from: number, to: number, paths: Iterable<string>): Steps;
  /** Everything recorded of `to` is now what is of `from`; known only when it is done. */
  copyAll(from: number, to: number, directory: string): Steps;
  /** Nothing is known of any slot but these, which have no twins. */
  begin(slots: readonly { readonly slot: number; readonly directory: string }[]): void;
  /** Takes all records of a slot away, which is then not known. */
  clear(slot: number): Steps;
  /** `isKnown` false: while its records are being written. */
  mark(slot: number, directory: string, isKnown: boolean): void;
  markUnknown(slot: number): void;
  /** Slots with records that are none of these. */
  strangers(slots: readonly number[]): readonly number[];
  close(): void;
}

const schema = `
  CREATE TABLE IF NOT EXISTS slots (slot INTEGER PRIMARY KEY, directory TEXT NOT NULL, known INTEGER NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS twins (
    slot INTEGER NOT NULL, directory TEXT NOT NULL, name TEXT NOT NULL, source TEXT NOT NULL, id TEXT NOT NULL,
    PRIMARY KEY (slot, directory, name)
  ) STRICT, WITHOUT ROWID;`;
const rowsAtOnce = 500;

interface Row extends TwinRecord {
  readonly directory: string;
  readonly name: string;
}

export function createTwinRecords(file: string): TwinRecords {
  let opened: ReturnType<typeof prepare> | undefined;
  const sql = () => (opened ??= openRecords(file, mended));

  function mended<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!isDamaged(error)) throw error;
      opened?.database.close();
      opened = undefined;
      removeDatabase(file);
      throw new IndexGap('the records of twins');
    }
  }

  /** What is so when nothing is known. */
  function unlessLost<T>(work: () => T, nothing: T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof IndexGap) return nothing;
      throw error;
    }
  }

  function together(work: () => void): void {
    const { database } = sql();
    mended(() => {
      database.exec('BEGIN');
      try {
        work();
        database.exec('COMMIT');
      } catch (error) {
        // On a full disk SQLite has done it itself.
        if (opened?.database === database && database.isTransaction) database.exec('ROLLBACK');
        throw error;
      }
    });
    failpoint('agent.twins.rows-written');
  }

  /** In transactions of bounded length: nobody needs all or nothing, a lag covers what was not reached. */
  function* inPortions<T>(items: Iterable<T>, work: (item: T) => void): Steps {
    const portion: T[] = [];
    const flush = (): void => together(() => portion.splice(0).forEach(work));
    for (const item of items) {
      if (portion.push(item) < rowsAtOnce) continue;
      flush();
      yield;
    }
    if (portion.length > 0) flush();
  }

  function putOne(slot: number, { path, source, id }: PlacedTwin): void {
    sql().put.run(slot, parentOf(path), nameOf(path), source, id);
  }

  function removeOne(slot: number, path: string): void {
    sql().remove.run(slot, parentOf(path), nameOf(path));
  }

  function* clear(slot: number): Steps {
    sql().unknown.run(slot);
    while (Number(sql().removeSome.run(slot, slot, rowsAtOnce).changes) > 0) yield;
    sql().removeSlot.run(slot);
  }

  return {
    isKnown: (slot) => unlessLost(() => sql().known.get(slot)?.['known'] === 1, false),
    slotAt: (directory) =>
      unlessLost(() => {
        const slot = sql().at.get(directory)?.['slot'];
        const highest = sql().highest.get()?.['slot'];
        return typeof slot === 'number' ? { slot, nextNumber: Number(highest) + 1 } : undefined;
      }, undefined),
    inDirectory(slot, directory) {
      const rows = sql().inDirectory.all(slot, directory) as unknown as Row[];
      return new Map(rows.map(({ name, source, id }) => [name, { source, id }]));
    },
    recordOf: (slot, path) =>
      sql().one.get(slot, parentOf(path), nameOf(path)) as unknown as TwinRecord | undefined,
    putNow(slot, twins) {
      together(() => {
        for (const twin of twins) putOne(slot, twin);
      });
    },
    put: (slot, twins) => inPortions(twins, (twin) => putOne(slot, twin)),
    remove: (slot, paths) => inPortions(paths, (path) => removeOne(slot, path)),
    removeDirectory: (slot, directory) => void sql().removeDirectory.run(slot, directory),
    copyPaths: (from, to, paths) =>
      inPortions(paths, (path) => {
        for (const twin of [path, ...twinNamesOf(path)]) {
          removeOne(to, twin);
          sql().copy.run(to, from, parentOf(twin), nameOf(twin));
        }
      }),
    *copyAll(from, to, directory) {
      yield* clear(to);
      sql().mark.run(to, directory, 0);
      let last: Row | undefined;
      do {
        const rows = sql().after.all(
          from,
          last?.directory ?? '',
          last?.name ?? '',
          rowsAtOnce,
        ) as unknown as Row[];
        together(() => {
          for (const row of rows) sql().put.run(to, row.directory, row.name, row.source, row.id);
        });
        last = rows.at(-1);
        yield;
      } while (last);
      sql().mark.run(to, directory, 1);
    },
    begin(slots) {
      together(() => {
        sql().removeAll();
        for (const { slot, directory } of slots) sql().mark.run(slot, directory, 1);
      });
    },
    clear,
    mark: (slot, directory, isKnown) => void sql().mark.run(slot, directory, isKnown ? 1 : 0),
    markUnknown: (slot) => void sql().unknown.run(slot),
    strangers(slots) {
      const all = sql()
        .all.all()
        .map(({ slot }) => Number(slot));
      return all.filter((slot) => !slots.includes(slot));
    },
    close: () => opened?.database.close(),
  };
}

type Guard = <T>(work: () => T) => T;

function openRecords(file: string, guard: Guard) {
  const database = openDatabase(file, { version: 1, schema, durable: true });
  return guard(() => {
    try {
      return prepare(database, guard);
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

function prepare(database: DatabaseSync, guard: Guard) {
  const statement = (text: string) => {
    const prepared = database.prepare(text);
    return {
      run: (...values: SQLInputValue[]) => guard(() => prepared.run(...values)),
      get: (...values: SQLInputValue[]) => guard(() => prepared.get(...values)),
      all: (...values: SQLInputValue[]) => guard(() => prepared.all(...values)),
    };
  };
  const columns = 'directory, name, source, id';
  return {
    database,
    removeAll: () => guard(() => database.exec('DELETE FROM twins; DELETE FROM slots;')),
    known: statement('SELECT known FROM slots WHERE slot = ?'),
    at: statement('SELECT slot FROM slots WHERE directory = ? AND known = 1 ORDER BY slot DESC'),
    all: statement('SELECT slot FROM slots'),
    highest: statement('SELECT max(slot) AS slot FROM slots'),
    mark: statement('INSERT OR REPLACE INTO slots (slot, directory, known) VALUES (?, ?, ?)'),
    unknown: statement('UPDATE slots SET known = 0 WHERE slot = ?'),
    removeSlot: statement('DELETE FROM slots WHERE slot = ?'),
    inDirectory: statement(`SELECT ${columns} FROM twins WHERE slot = ? AND directory = ?`),
    one: statement('SELECT source, id FROM twins WHERE slot = ? AND directory = ? AND name = ?'),
    after: statement(
      `SELECT ${columns} FROM twins WHERE slot = ? AND (directory, name) > (?, ?) ORDER BY directory, name LIMIT ?`,
    ),
    put: statement(`INSERT OR REPLACE INTO twins (slot, ${columns}) VALUES (?, ?, ?, ?, ?)`),
    copy: statement(
      `INSERT INTO twins SELECT ?, ${columns} FROM twins WHERE slot = ? AND directory = ? AND name = ?`,
    ),
    remove: statement('DELETE FROM twins WHERE slot = ? AND directory = ? AND name = ?'),
    removeDirectory: statement('DELETE FROM twins WHERE slot = ? AND directory = ?'),
    removeSome: statement(
      'DELETE FROM twins WHERE slot = ? AND (directory, name) IN (SELECT directory, name FROM twins WHERE slot = ? LIMIT ?)',
    ),
  };
}
