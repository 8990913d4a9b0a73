// The most recently used tree objects, taken apart: the next push differs from the last one in a few of them. Bounded by entries.

import type { ObjectId } from '../model/tree.ts';
import type { TreeObjectEntry } from './tree-object.ts';

export interface TreeCache {
  get(id: ObjectId): TreeObjectEntry[] | undefined;
  set(id: ObjectId, entries: TreeObjectEntry[]): void;
}

export function createTreeCache(entriesMax = 100_000): TreeCache {
  const trees = new Map<ObjectId, TreeObjectEntry[]>();
  let entriesHeld = 0;
  return {
    get(id) {
      const entries = trees.get(id);
      if (entries) {
        trees.delete(id);
        trees.set(id, entries);
      }
      return entries;
    },
    set(id, entries) {
      if (entries.length > entriesMax / 4 || trees.has(id)) return;
      trees.set(id, entries);
      entriesHeld += entries.length + 1;
      for (const [oldest, dropped] of trees) {
        if (entriesHeld <= entriesMax) break;
        trees.delete(oldest);
        entriesHeld -= dropped.length + 1;
      }
    },
  };
}
