// index.db: the directory objects of the trees held here, by tree id, as Git encodes them. Derived and checked by hash when read:
// losing it costs a full re-read, never correctness, so it is written without syncs. Dropped objects are swept in the background.

import { decodeTree, type ObjectIdLength, treeIdOfBytes } from '../../assignment/object-id.ts';
import { failpoint } from '../../faults/failpoint.ts';
import { emptyTreeIds, type ObjectId } from '../../model/tree.ts';
import { openDatabase } from './open-database.ts';
import type { Steps } from './slices.ts';

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
  const database = openDatabase(file, { version: 1, schema, durable: false });
  const select = database.prepare('SELECT body FROM objects WHERE id = ?');
  const insert = database.prepare('INSERT OR IGNORE INTO objects (id, body) VALUES (?, ?)');
  const remove = database.prepare('DELETE FROM objects WHERE id = ?');
  const count = database.prepare('SELECT count(*) AS n FROM objects');
  const cache = new Map<ObjectId, IndexDirectory>();
  let cachedEntries = 0;
  let addedSinceSweep = 0;
  let keptAtSweep = (count.get() as { n: number }).n;

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
    const row = select.get(id) as { body: Uint8Array } | undefined;
    if (!row) return undefined;
    const hexLength = id.length as ObjectIdLength;
    if (treeIdOfBytes(row.body, hexLength) !== id) {
      remove.run(id);
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
      database.exec('BEGIN');
      try {
        for (const [id, body] of objects) addedSinceSweep += Number(insert.run(id, body).changes);
        database.exec('COMMIT');
      } catch (error) {
        database.exec('ROLLBACK');
        throw error;
      }
      failpoint('agent.index.written');
    },
    sweepDue: () => addedSinceSweep > Math.max(1000, keptAtSweep),
    *sweep(roots) {
      const keep = yield* reachable(roots);
      const ids = (database.prepare('SELECT id FROM objects').all() as { id: string }[]).map(({ id }) => id);
      const doomed = ids.filter((id) => !keep.has(id));
      for (let at = 0; at < doomed.length; at += 100) {
        database.exec('BEGIN');
        for (const id of doomed.slice(at, at + 100)) {
          remove.run(id);
          const cached = cache.get(id);
          if (!cached) continue;
          cache.delete(id);
          cachedEntries -= cached.size + 1;
        }
        database.exec('COMMIT');
        failpoint('agent.index.swept');
        yield;
      }
      addedSinceSweep = 0;
      keptAtSweep = ids.length - doomed.length;
    },
    close: () => database.close(),
  };
}
