// Objects of one repository (or of a push still in quarantine) by id: small loose ones read in this process, the rest through a
// persistent cat-file process. Decides where an object is read from; knows nothing of trees or refs.

import { readdirSync } from 'node:fs';
import type { ObjectId } from '../model/tree.ts';
import { TreecastError } from '../model/treecast-error.ts';
import type { CatFileProcess } from './cat-file-process.ts';
import { type GitObject, readLooseObject } from './loose-object.ts';

export interface ObjectStore {
  /** Undefined when there is no such object. */
  find(id: ObjectId): Promise<GitObject | undefined>;
  /** Throws GIT_FAILED when the object is missing or of another type. With `inBulk` files are not tried first. */
  read(id: ObjectId, type: string, inBulk?: boolean): Promise<Buffer>;
  blobSizes(ids: readonly ObjectId[]): Promise<number[]>;
}

/** More than this many are asked of the process alone: trying files would hold the event loop, and many objects are in packs. */
export const looseReadsMax = 64;
const questionsAtOnce = 4_096;
/** While this many wait for the process somebody reads in bulk: trying files first would cost an open for each object of a pack. */
const waitingMax = 16;

export function createObjectStore(
  directories: readonly string[],
  catFile: (id: ObjectId) => CatFileProcess,
): ObjectStore {
  function findLoose(id: ObjectId): GitObject | undefined {
    for (const directory of directories) {
      const object = readLooseObject(directory, id);
      if (object) return object;
    }
    return undefined;
  }

  let waiting = 0;

  async function ask(id: ObjectId): Promise<GitObject | undefined> {
    waiting += 1;
    try {
      return await catFile(id).contents(id);
    } finally {
      waiting -= 1;
    }
  }

  const store: ObjectStore = {
    async find(id) {
      return (waiting < waitingMax ? findLoose(id) : undefined) ?? (await ask(id));
    },
    async read(id, type, inBulk = false) {
      const object = inBulk ? await ask(id) : await store.find(id);
      if (object?.type !== type) throw objectMissing(id, type);
      return object.bytes;
    },
    async blobSizes(ids) {
      const sizes: number[] = [];
      for (let at = 0; at < ids.length; at += questionsAtOnce) {
        const questions = ids.slice(at, at + questionsAtOnce).map(async (id) => {
          const loose = ids.length <= looseReadsMax ? findLoose(id) : undefined;
          const info = loose ? { type: loose.type, size: loose.bytes.length } : await catFile(id).info(id);
          if (info?.type !== 'blob') throw objectMissing(id, 'blob');
          return info.size;
        });
        for (const size of await Promise.all(questions)) sizes.push(size);
      }
      return sizes;
    },
  };
  return store;
}

/** Whether an object directory holds packs; loose objects are then not all there is. */
export function hasPacks(objectDirectory: string): boolean {
  try {
    return readdirSync(`${objectDirectory}/pack`).some((name) => name.endsWith('.pack'));
  } catch {
    return false;
  }
}

function objectMissing(id: ObjectId, type: string): TreecastError {
  return new TreecastError('GIT_FAILED', `There is no ${type} ${id} in the staging repository.`, {
    fix: 'Push the commit again; if that does not help, run git fsck in the staging repository.',
    data: { id, type },
  });
}
