// The GitSource that uses Git itself: small objects and trees are read in this process, the rest by persistent or single Git processes.
// The hot path (a push of a few files) spawns nothing.

import { failpoint } from '../faults/failpoint.ts';
import type { ObjectId } from '../model/tree.ts';
import { emptyTreeIds } from '../model/tree.ts';
import { TreecastError } from '../model/treecast-error.ts';
import { type CatFileProcess, createCatFileProcess } from './cat-file-process.ts';
import { commitTree, refUnknown } from './commit-object.ts';
import { findEntries, listDirectories } from './find-entries.ts';
import { type GitEnvironment, gitEnvironment } from './git-environment.ts';
import type { GitSource } from './git-source.ts';
import { createHiddenRefLane } from './hidden-ref-lane.ts';
import { hiddenRefPrefix, hiddenTreeRef, writeHiddenTreeRef } from './hidden-tree-ref.ts';
import { runListTree } from './list-tree.ts';
import { hasLooseObject } from './loose-object.ts';
import { createObjectStore, hasPacks, looseReadsMax } from './object-store.ts';
import { createOpenCheck } from './open-check.ts';
import type { Quarantine } from './push-authority.ts';
import { isObjectId, refCandidates } from './ref-name.ts';
import { runGit, streamGit } from './run-git.ts';
import { createTreeCache, type TreeCache } from './tree-cache.ts';
import { parseTreeObject } from './tree-object.ts';
import { type TreeReader, walkTreeDiff } from './tree-walk.ts';

export interface NativeGitSource extends GitSource {
  /**
   * The same repository seen from inside a push: its quarantined objects and all others. Shares this source's process and caches;
   * close it when the push is judged, before this one.
   */
  inQuarantine(quarantine: Quarantine): GitSource;
}

export interface NativeGitSourceOptions {
  /** Added to the scrubbed environment, e.g. GIT_OBJECT_DIRECTORY and GIT_ALTERNATE_OBJECT_DIRECTORIES. */
  readonly environment?: GitEnvironment;
}

const streamedBlobBytesMin = 1_048_576;

interface View {
  readonly repositoryPath: string;
  readonly environment: GitEnvironment;
  readonly objectDirectories: readonly string[];
  readonly cache: TreeCache;
  /** The process that knows this object, or whether it exists. */
  readonly catFile: (id: ObjectId) => CatFileProcess;
  readonly close: () => void;
}

export function createNativeGitSource(
  repositoryPath: string,
  options: NativeGitSourceOptions = {},
): NativeGitSource {
  const environment = gitEnvironment(options.environment);
  const catFile = createCatFileProcess(repositoryPath, environment);
  const objectDirectory = options.environment?.['GIT_OBJECT_DIRECTORY'];
  const own = `${repositoryPath}/objects`;
  const cache = createTreeCache();
  const view: View = {
    repositoryPath,
    environment,
    objectDirectories: objectDirectory === undefined ? [own] : [objectDirectory, own],
    cache,
    catFile: () => catFile,
    close: () => catFile.close(),
  };
  return {
    ...createView(view),
    inQuarantine(quarantine) {
      const inside = gitEnvironment({
        ...options.environment,
        GIT_OBJECT_DIRECTORY: quarantine.objectDirectory,
        ...(quarantine.alternates !== '' && { GIT_ALTERNATE_OBJECT_DIRECTORIES: quarantine.alternates }),
      });
      // Small loose objects are read in this process and what was there before comes from the process that runs already;
      // quarantined packs and large loose objects need one that sees the quarantine.
      const packed = hasPacks(quarantine.objectDirectory);
      let insideCatFile: CatFileProcess | undefined;
      const catFileOf = (id: ObjectId): CatFileProcess => {
        if (!packed && !hasLooseObject(quarantine.objectDirectory, id)) return catFile;
        insideCatFile ??= createCatFileProcess(repositoryPath, inside);
        return insideCatFile;
      };
      return createView({
        ...view,
        environment: inside,
        objectDirectories: [quarantine.objectDirectory, ...view.objectDirectories],
        catFile: catFileOf,
        close: () => insideCatFile?.close(),
      });
    },
  };
}

function createView(view: View): GitSource {
  const objects = createObjectStore(view.objectDirectories, view.catFile);
  const inLane = createHiddenRefLane();
  const checkOpen = createOpenCheck();

  /** For one walk. */
  function createTreeReader(): TreeReader {
    let reads = 0;
    return async (id) => {
      const cached = view.cache.get(id);
      if (cached) return cached;
      reads += 1;
      const bytes = await objects.read(id, 'tree', reads > looseReadsMax);
      const entries = parseTreeObject(bytes, id.length / 2);
      view.cache.set(id, entries);
      return entries;
    };
  }

  async function keep(tree: ObjectId): Promise<void> {
    if ((await objects.find(tree))?.type !== 'tree') {
      throw new TreecastError('REF_UNKNOWN', `There is no tree ${tree} here.`, { fix: 'Push it again.' });
    }
    await writeHiddenTreeRef(view.repositoryPath, tree);
  }

  return {
    async resolveCommit(ref) {
      checkOpen();
      for (const name of isObjectId(ref) ? [ref] : refCandidates(ref)) {
        const loose = isObjectId(name) ? await objects.find(name) : undefined;
        if (loose?.type === 'commit') return name;
        const info = await view.catFile(name).info(`${name}^{commit}`);
        if (info) return info.id;
      }
      return undefined;
    },
    async treeOf(commit) {
      checkOpen(commit);
      const object = await objects.find(commit);
      if (object?.type !== 'commit') throw refUnknown(commit);
      return commitTree(object.bytes);
    },
    async diffTrees(base, target) {
      checkOpen(base, target);
      return walkTreeDiff(createTreeReader(), base, target);
    },
    async *listTree(tree) {
      checkOpen(tree);
      if (!emptyTreeIds.includes(tree)) yield* runListTree(view, tree);
    },
    async findEntries(tree, paths) {
      checkOpen(tree);
      return findEntries(createTreeReader(), tree, paths);
    },
    async listDirectories(tree, paths) {
      checkOpen(tree);
      return listDirectories(createTreeReader(), tree, paths);
    },
    async blobSizes(ids) {
      checkOpen();
      for (const id of ids) checkOpen(id);
      return objects.blobSizes(ids);
    },
    async readBlob(id) {
      checkOpen(id);
      return objects.read(id, 'blob');
    },
    async *streamBlob(id) {
      checkOpen(id);
      const [size = 0] = await objects.blobSizes([id]);
      if (size < streamedBlobBytesMin) yield objects.read(id, 'blob');
      else yield* streamGit(['cat-file', 'blob', id], view);
    },
    async keepTree(tree) {
      checkOpen(tree);
      if (emptyTreeIds.includes(tree)) return;
      await inLane(tree, 'keep', () => keep(tree));
    },
    async releaseTree(tree) {
      checkOpen(tree);
      await inLane(tree, 'release', () =>
        runGit(['update-ref', '--no-deref', '-d', hiddenTreeRef(tree)], view),
      );
      failpoint('ccm.tree-ref.released');
    },
    async keptTrees() {
      checkOpen();
      const output = await runGit(
        ['for-each-ref', '--format=%(objectname)', `${hiddenRefPrefix}trees/`],
        view,
      );
      return output.toString('latin1').split('\n').filter(Boolean);
    },
    async branches() {
      checkOpen();
      const output = await runGit(['for-each-ref', '--format=%(objectname) %(refname)', 'refs/heads/'], view);
      const lines = output.toString('utf8').split('\n').filter(Boolean);
      return new Map(
        lines.map((line) => {
          const space = line.indexOf(' ');
          return [line.slice(space + 1 + 'refs/heads/'.length), line.slice(0, space)];
        }),
      );
    },
    async close() {
      if (checkOpen.close()) view.close();
    },
  };
}
