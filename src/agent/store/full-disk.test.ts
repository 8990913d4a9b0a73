// A disk that somebody fills, or that starts to fail, at any effect of a stage, a switch or an abort: the release fails with a code and
// figures, live stays whole, what was written goes again although nothing is free, and with room again the same store publishes.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { TreecastError } from '../../model/treecast-error.ts';
import { createDisk, type Effect } from './disk.ts';
import type { SiteStore } from './site-store.ts';
import {
  expectedOnDisk,
  type ModelEntry,
  type ModelTree,
  modelFile,
  modelLink,
  modelTreeId,
  readDisk,
} from './testing/model-tree.ts';
import {
  assignmentBetween,
  decisionFor,
  kitSite,
  makeRoot,
  openPublishedStore,
  receive,
  receiveAndStage,
  release,
} from './testing/site-kit.ts';

const one: ModelTree = new Map<string, ModelEntry>([
  ['a/index.html', modelFile('one', 1)],
  ['a/gone.html', modelFile('gone', 1)],
  ['b/kept.html', modelFile('kept', 1)],
  ['link', modelLink('a/index.html', 1)],
]);
const two: ModelTree = new Map<string, ModelEntry>([
  ['a/index.html', modelFile('two', 2)],
  ['b/kept.html', modelFile('kept', 1)],
  ['b/new/page.html', modelFile('new', 2)],
  ['link', modelLink('b/kept.html', 2)],
]);
const three: ModelTree = new Map([...one, ['a/index.html', modelFile('three', 3)]]);

/** What takes an inode, as links do on tmpfs, and what gives one back. */
const takingInodes: readonly Effect[] = ['create', 'link', 'symlink', 'mkdir', 'copy'];
const givingInodes: readonly Effect[] = ['unlink', 'rmdir'];

interface Trouble {
  readonly errno: string;
  /** A new one for each time that the trouble begins. */
  readonly begin: () => (effect: Effect, where: string) => boolean;
}

const full = (errno: string): Trouble => ({
  errno,
  begin() {
    let inodes = 0;
    return (effect, where) => {
      if (givingInodes.includes(effect)) inodes++;
      if (takingInodes.includes(effect)) return inodes === 0 || inodes-- === 0;
      // Only what is allocated already may be written.
      return effect === 'write' && !where.endsWith('.spare');
    };
  },
});
const broken = (errno: string): Trouble => ({ errno, begin: () => () => true });

/** A disk on which `trouble` begins after some effects, and ends when it is told to. */
function createTroubledDisk() {
  let errno = '';
  let hits: ReturnType<Trouble['begin']> | null = null;
  let hasHit = false;
  let effectsLeft = 0;
  const disk = createDisk((effect, where) => {
    if (!hits || effectsLeft-- > 0 || !hits(effect, where)) return;
    hasHit = true;
    throw Object.assign(new Error(`${errno}: ${effect} ${where}`), { code: errno });
  });
  return {
    disk,
    begin(next: Trouble, after: number): void {
      errno = next.errno;
      hits = next.begin();
      hasHit = false;
      effectsLeft = after;
    },
    end(): void {
      hits = null;
    },
    hasHit: () => hasHit,
  };
}

async function withStore(
  use: (store: SiteStore, tools: ReturnType<typeof createTroubledDisk> & { root: string }) => Promise<void>,
): Promise<void> {
  const root = makeRoot();
  const tools = createTroubledDisk();
  const store = await openPublishedStore(root, one, tools.disk);
  try {
    await use(store, { ...tools, root });
  } finally {
    tools.end();
    await store.close();
    fs.rmSync(root, { recursive: true });
  }
}

const livePath = (root: string) => fs.realpathSync(path.join(root, kitSite, 'live'));

/** Inodes below a directory: what a file system has to pay for. */
function inodesBelow(directory: string): number {
  const inodes = new Set<number>();
  for (const name of fs.readdirSync(directory, { recursive: true })) {
    inodes.add(fs.lstatSync(path.join(directory, String(name))).ino);
  }
  return inodes.size;
}

async function assertWhole(store: SiteStore, root: string, tree: ModelTree): Promise<void> {
  assert.deepEqual(readDisk(livePath(root)), expectedOnDisk(tree));
  const { proof, drift } = await store.verify();
  assert.deepEqual([proof.tree, drift], [modelTreeId(tree), []]);
}

function isTold(error: unknown, codes: readonly string[], root: string): boolean {
  assert.ok(error instanceof TreecastError, String(error));
  assert.ok(codes.includes(error.code), `${error.code}: ${error.message}`);
  assert.match(error.message, new RegExp(`file system of ${root}/${kitSite}`));
  assert.ok(error.fix);
  return true;
}

for (const trouble of [full('ENOSPC'), full('EDQUOT'), broken('EIO'), broken('EROFS')]) {
  const codes =
    trouble.errno === 'ENOSPC' || trouble.errno === 'EDQUOT' ? ['SPACE_INSUFFICIENT'] : ['DISK_FAILED'];

  test(`STG-27, N39: ${trouble.errno} from any effect of a stage on: told, undone, given back, and the next publish works`, async () => {
    let stagedAt = -1;
    for (let after = 0; stagedAt < 0; after += trouble.errno === 'ENOSPC' ? 1 : 3) {
      await withStore(async (store, { root, begin, end, hasHit }) => {
        const entry = await receive(store, assignmentBetween(release(2), one, two));
        const backup = store.holding().backup;
        const inodes = inodesBelow(path.join(root, kitSite, 'trees'));
        begin(trouble, after);
        const failure = await store.stage(entry, new AbortController().signal).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (failure === undefined) {
          assert.equal(hasHit(), false, `the stage of a disk with ${trouble.errno} said that it is staged`);
          stagedAt = after;
          return;
        }
        isTold(failure, codes, root);
        assert.deepEqual([store.holding().staged, store.holding().backup], [null, backup]);
        await assertWhole(store, root, one);
        await store.settle().catch((error: unknown) => isTold(error, codes, root));
        if (codes[0] === 'SPACE_INSUFFICIENT') {
          const left = inodesBelow(path.join(root, kitSite, 'trees'));
          assert.ok(left <= inodes, `effect ${after}: ${left} inodes instead of ${inodes}`);
        }
        end();
        await store.settle();
        assert.equal(inodesBelow(path.join(root, kitSite, 'trees')), inodes, `after effect ${after}`);
        await receiveAndStage(store, assignmentBetween(release(3), one, three));
        await store.decide(decisionFor(release(3), modelTreeId(three)));
        await assertWhole(store, root, three);
        await store.settle();
      });
    }
    assert.ok(stagedAt > 20, `${stagedAt} effects`);
  });
}

test('STG-27: on a full disk a decision is carried out, rolled back, and a staging undone, all the same', async () => {
  for (const errno of ['ENOSPC', 'EDQUOT']) {
    await withStore(async (store, { root, begin, end }) => {
      await receiveAndStage(store, assignmentBetween(release(2), one, two));
      begin(full(errno), 0);
      assert.equal((await store.decide(decisionFor(release(2), modelTreeId(two)))).outcome, 'switched');
      await assertWhole(store, root, two);
      end();
      await store.settle();
      begin(full(errno), 0);
      const back = await store.decide(decisionFor(release(3), modelTreeId(one), 'rollback'));
      assert.equal(back.outcome, 'switched');
      await assertWhole(store, root, one);
      end();
      await store.settle();
      await receiveAndStage(store, assignmentBetween(release(4), one, two));
      begin(full(errno), 0);
      assert.equal(await store.abort(release(4)), true);
      end();
      await store.settle();
      await assertWhole(store, root, one);
    });
  }
});

test('STG-14: a switch on a disk that fails leaves the old or the new tree live, and is carried out when it is asked for again', async () => {
  for (let after = 0, isDone = false; !isDone; after++) {
    await withStore(async (store, { root, begin, end }) => {
      await receiveAndStage(store, assignmentBetween(release(2), one, two));
      begin(broken('EIO'), after);
      const decision = decisionFor(release(2), modelTreeId(two));
      const failure = await store.decide(decision).then(
        () => undefined,
        (error: unknown) => error,
      );
      end();
      isDone = failure === undefined;
      if (failure) isTold(failure, ['DISK_FAILED'], root);
      const found = readDisk(livePath(root));
      assert.deepEqual(found, expectedOnDisk(store.live()?.tree === modelTreeId(two) ? two : one));
      await store.decide(decision);
      await assertWhole(store, root, two);
      await store.settle();
    });
  }
});

test('a stage from nothing that fills the disk gives all of it back, though the journal cannot be written anew', async () => {
  const large: ModelTree = new Map(
    Array.from({ length: 40 }, (_, n) => [`d${n % 4}/f${n}.html`, modelFile(`file ${n}`, 2)] as const),
  );
  await withStore(async (store, { root, begin, end }) => {
    const entry = await receive(store, assignmentBetween(release(2), new Map(), large));
    const inodes = inodesBelow(path.join(root, kitSite, 'trees'));
    begin(full('ENOSPC'), 90);
    await assert.rejects(store.stage(entry, new AbortController().signal), { code: 'SPACE_INSUFFICIENT' });
    await store.settle().catch(() => undefined);
    assert.equal(inodesBelow(path.join(root, kitSite, 'trees')), inodes);
    await assertWhole(store, root, one);
    end();
    await store.settle();
    await receiveAndStage(store, assignmentBetween(release(3), new Map(), large));
    await store.decide(decisionFor(release(3), modelTreeId(large)));
    await assertWhole(store, root, large);
  });
});
