// index.db: the directory objects of the trees held here, by tree id, as Git encodes them. Derived and checked by hash when read:
// losing it costs a full re-read, never correctness, so it is written without syncs, made anew when it is damaged, and held in memory
// where the disk has no room for it. Dropped objects are swept in the background.

import type { DatabaseSync } from 'node:sqlite';
import { decodeTree, type ObjectIdLength, treeIdOfBytes } from '../../assignment/object-id.ts';
import { failpoint } from '../../faults/failpoint.ts';
import { emptyTreeIds, type ObjectId } from '../../model/tree.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { Steps } from '../../slices/slices.ts';
import { isDamaged, openDatabase, removeDatabase } from './open-database.ts';

export interface IndexEntry {
  /** As in Git's tree objects: `100644`, `100755`, `120000`, `40000`. */
  readonly mode: string;
  readonly id: ObjectId;
}

/** One directory by entry name. */
export type IndexDirectory = ReadonlyMap<string, IndexEntry>;

export interface TreeIndex {
  /** Undefined when the object is not here (or was damaged). */
  directory(id: ObjectId): IndexDirectory | undefined;
  /** The entry of a path below a tree; undefined when there is none. Throws {@link IndexGap}. */
  entryOf(tree: ObjectId, path: string): IndexEntry | undefined;
  put(objects: Iterable<readonly [ObjectId, Uint8Array]>): void;
  /** Whether enough objects were added since the last sweep to make one worth its cost. */
  sweepDue(): boolean;
  /** Deletes what no root reaches. Cost is paid for by the objects added before, so O(change) over time. */
  sweep(roots: readonly ObjectId[]): Steps;
  close(): void;
}

/** A directory object that the index should have and has not: the tree must be read again. */
export class IndexGap extends Error {
  override readonly name = 'IndexGap';
}

export const directoryMode = '40000';
const schema = 'CREATE TABLE IF NOT EXISTS objects (id TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT;';
const cachedEntriesMax = 50_000;
const empty: IndexDirectory = new Map();

export function createTreeIndex(file: string): TreeIndex {
  let sql = openObjects(file);
  const cache = new Map<ObjectId, IndexDirectory>();
  let cachedEntries = 0;
  let addedSinceSweep = 0;
  let keptAtSweep = sql.countAtOpen;

  /** With what a damaged file held, gaps appear, which are mended by reading live again. */
  function mended<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!isDamaged(error)) throw error;
      sql.database.close();
      removeDatabase(file);
      sql = openObjects(file);
      keptAtSweep = 0;
      return work();
    }
  }

  function remember(id: ObjectId, directory: IndexDirectory): void {
    cache.set(id, directory);
    cachedEntries += directory.size + 1;
    for (const [oldest, { size }] of cache) {
      if (cachedEntries <= cachedEntriesMax || oldest === id) break;
      cache.delete(oldest);
      cachedEntries -= size + 1;
    }
  }

  function load(id: ObjectId): IndexDirectory | undefined {
    if (emptyTreeIds.includes(id)) return empty;
    const row = mended(() => sql.select.get(id)) as { body: Uint8Array } | undefined;
    if (!row) return undefined;
    const hexLength = id.length as ObjectIdLength;
    if (treeIdOfBytes(row.body, hexLength) !== id) {
      mended(() => sql.remove.run(id));
      return undefined;
    }
    const directory = new Map<string, IndexEntry>();
    for (const { name, mode, id: child } of decodeTree(row.body, hexLength)) {
      directory.set(name, { mode, id: child });
    }
    return directory;
  }

  function directory(id: ObjectId): IndexDirectory | undefined {
    const cached = cache.get(id);
    if (cached) {
      cache.delete(id);
      cache.set(id, cached);
      return cached;
    }
    const loaded = load(id);
    if (loaded) remember(id, loaded);
    return loaded;
  }

  function together(work: () => void, passed: () => void): void {
    const { database } = sql;
    database.exec('BEGIN');
    try {
      work();
      database.exec('COMMIT');
      passed();
    } catch (error) {
      // On a full disk SQLite has done it itself.
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }

  function* reachable(roots: readonly ObjectId[]): Steps<Set<ObjectId>> {
    const found = new Set<ObjectId>();
    const waiting = [...roots];
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      if (found.has(id)) continue;
      found.add(id);
      for (const entry of (cache.get(id) ?? load(id))?.values() ?? []) {
        if (entry.mode === directoryMode && !found.has(entry.id)) waiting.push(entry.id);
      }
      yield;
    }
    return found;
  }

  return {
    directory,
    entryOf(tree, path) {
      let at = tree;
      let entry: IndexEntry | undefined;
      for (const name of path.split('/')) {
        if (entry && entry.mode !== directoryMode) return undefined;
        const entries = directory(at);
        if (!entries) throw new IndexGap(at);
        entry = entries.get(name);
        if (!entry) return undefined;
        at = entry.id;
      }
      return entry;
    },
    put(objects) {
      mended(() =>
        together(
          () => {
            for (const [id, body] of objects) addedSinceSweep += Number(sql.insert.run(id, body).changes);
          },
          () => failpoint('agent.index.written'),
        ),
      );
    },
    sweepDue: () => addedSinceSweep > Math.max(1000, keptAtSweep),
    *sweep(roots) {
      const keep = yield* reachable(roots);
      const ids = mended(() => sql.database.prepare('SELECT id FROM objects').all()).map(({ id }) =>
        String(id),
      );
      const doomed = ids.filter((id) => !keep.has(id));
      for (let at = 0; at < doomed.length; at += 100) {
        const portion = doomed.slice(at, at + 100);
        mended(() =>
          together(
            () => {
              for (const id of portion) sql.remove.run(id);
            },
            () => failpoint('agent.index.swept'),
          ),
        );
        for (const id of portion) {
          const cached = cache.get(id);
          if (!cached) continue;
          cache.delete(id);
          cachedEntries -= cached.size + 1;
        }
        yield;
      }
      addedSinceSweep = 0;
      keptAtSweep = ids.length - doomed.length;
    },
    close: () => sql.database.close(),
  };
}

function openObjects(file: string) {
  const database = openWhereItCan(file);
  try {
    return prepare(database);
  } catch (error) {
    database.close();
    if (!isDamaged(error)) throw error;
    removeDatabase(file);
    return prepare(openWhereItCan(file));
  }
}

function prepare(database: DatabaseSync) {
  return {
    database,
    select: database.prepare('SELECT body FROM objects WHERE id = ?'),
    insert: database.prepare('INSERT OR IGNORE INTO objects (id, body) VALUES (?, ?)'),
    remove: database.prepare('DELETE FROM objects WHERE id = ?'),
    countAtOpen: Number(database.prepare('SELECT count(*) AS n FROM objects').get()?.['n']),
  };
}

/** A disk that is full or read-only keeps no site from being opened: live is served, and what is missing is read again. */
function openWhereItCan(file: string): DatabaseSync {
  const kind = { version: 1, schema, durable: false };
  try {
    return openDatabase(file, kind);
  } catch (error) {
    if (error instanceof TreecastError) throw error;
    return openDatabase(':memory:', kind);
  }
}
