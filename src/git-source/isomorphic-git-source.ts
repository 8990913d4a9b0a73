// The GitSource for machines without Git: isomorphic-git, in this process. It holds whole packs and blobs in memory and works on
// the event loop, so the native backend is preferred wherever git exists. SHA-1 repositories only.

import fs from 'node:fs';
import git from 'isomorphic-git';
import type { ObjectId } from '../model/tree.ts';
import { emptyTreeIds } from '../model/tree.ts';
import { TreecastError } from '../model/treecast-error.ts';
import { commitTree, refUnknown } from './commit-object.ts';
import { findEntries, listDirectories } from './find-entries.ts';
import type { GitSource } from './git-source.ts';
import { createHiddenRefLane } from './hidden-ref-lane.ts';
import { hiddenRefPrefix, hiddenTreeRef, writeHiddenTreeRef } from './hidden-tree-ref.ts';
import { createOpenCheck } from './open-check.ts';
import { isObjectId, refCandidates } from './ref-name.ts';
import { parseTreeObject } from './tree-object.ts';
import { walkTree, walkTreeDiff } from './tree-walk.ts';

const streamPartBytes = 262_144;

interface RawObject {
  readonly type: string;
  readonly bytes: Buffer;
}

export function createIsomorphicGitSource(repositoryPath: string): GitSource {
  const repository = { fs, gitdir: repositoryPath };
  let cache: object = {};
  const inLane = createHiddenRefLane();
  const checkOpen = createOpenCheck();

  async function find(oid: ObjectId): Promise<RawObject | undefined> {
    try {
      const object = await git.readObject({ ...repository, cache, oid, format: 'content' });
      return { type: object.type, bytes: Buffer.from(object.object as Uint8Array) };
    } catch (error) {
      if (error instanceof git.Errors.NotFoundError) return undefined;
      throw new TreecastError('GIT_FAILED', `Object ${oid} could not be read.`, {
        cause: error,
        fix: 'Run git fsck.',
      });
    }
  }

  async function read(id: ObjectId, type: string): Promise<Buffer> {
    const object = await find(id);
    if (object?.type !== type) {
      throw new TreecastError('GIT_FAILED', `There is no ${type} ${id} in the staging repository.`, {
        fix: 'Push the commit again.',
        data: { id, type },
      });
    }
    return object.bytes;
  }

  const readTree = async (id: ObjectId) => parseTreeObject(await read(id, 'tree'), id.length / 2);

  async function peel(id: ObjectId | undefined): Promise<ObjectId | undefined> {
    let at = id;
    for (let depth = 0; at !== undefined && depth < 100; depth += 1) {
      const object = await find(at);
      if (object?.type === 'commit') return at;
      if (object?.type !== 'tag') return undefined;
      at = /^object ([0-9a-f]{40})\n/.exec(object.bytes.toString('latin1', 0, 60))?.[1];
    }
    return undefined;
  }

  async function keep(tree: ObjectId): Promise<void> {
    if ((await find(tree))?.type !== 'tree') {
      throw new TreecastError('REF_UNKNOWN', `There is no tree ${tree} here.`, { fix: 'Push it again.' });
    }
    await writeHiddenTreeRef(repositoryPath, tree);
  }

  return {
    async resolveCommit(ref) {
      checkOpen();
      if (isObjectId(ref)) return peel(ref);
      for (const name of refCandidates(ref)) {
        const id = await git.resolveRef({ ...repository, ref: name }).catch(() => undefined);
        const commit = await peel(id);
        if (commit !== undefined) return commit;
      }
      return undefined;
    },
    async treeOf(commit) {
      checkOpen(commit);
      const object = await find(commit);
      if (object?.type !== 'commit') throw refUnknown(commit);
      return commitTree(object.bytes);
    },
    async diffTrees(base, target) {
      checkOpen(base, target);
      return walkTreeDiff(readTree, base, target);
    },
    async *listTree(tree) {
      checkOpen(tree);
      yield* walkTree(readTree, tree);
    },
    async findEntries(tree, paths) {
      checkOpen(tree);
      return findEntries(readTree, tree, paths);
    },
    async listDirectories(tree, paths) {
      checkOpen(tree);
      return listDirectories(readTree, tree, paths);
    },
    async blobSizes(ids) {
      checkOpen();
      for (const id of ids) checkOpen(id);
      const sizes: number[] = [];
      for (const id of ids) sizes.push((await read(id, 'blob')).length);
      return sizes;
    },
    async readBlob(id) {
      checkOpen(id);
      return read(id, 'blob');
    },
    async *streamBlob(id) {
      checkOpen(id);
      const bytes = await read(id, 'blob');
      for (let at = 0; at === 0 || at < bytes.length; at += streamPartBytes) {
        yield bytes.subarray(at, at + streamPartBytes);
      }
    },
    async keepTree(tree) {
      checkOpen(tree);
      if (emptyTreeIds.includes(tree)) return;
      await inLane(tree, 'keep', () => keep(tree));
    },
    async releaseTree(tree) {
      checkOpen(tree);
      await inLane(tree, 'release', () => git.deleteRef({ ...repository, ref: hiddenTreeRef(tree) }));
    },
    async keptTrees() {
      checkOpen();
      return git.listRefs({ ...repository, filepath: `${hiddenRefPrefix}trees` });
    },
    async branches() {
      checkOpen();
      const names = await git.listBranches(repository);
      const heads = await Promise.all(
        names.map(
          async (name) => [name, await git.resolveRef({ ...repository, ref: `refs/heads/${name}` })] as const,
        ),
      );
      return new Map(heads);
    },
    async close() {
      checkOpen.close();
      cache = {};
    },
  };
}
