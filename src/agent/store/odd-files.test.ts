// Files in the store's directories that the agent cannot remove: another user's, immutable, unreadable. They are reported and tried
// again, everything else is cleaned up, and no publish and no start fails of them (N39).

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { testNeeding } from '../../plugins/testing/test-needing.ts';
import { mountExt4 } from '../testing/small-disk.ts';
import type { SiteStore } from './site-store.ts';
import {
  commandsBetween,
  expectedOnDisk,
  type ModelTree,
  modelFile,
  modelTreeId,
  readDisk,
} from './testing/model-tree.ts';
import {
  assignmentBetween,
  decisionFor,
  kitAssignment,
  kitSite,
  makeRoot,
  openKitStore,
  openPublishedStore,
  receive,
  receiveAndStage,
  release,
} from './testing/site-kit.ts';

const trees: readonly ModelTree[] = Array.from(
  { length: 6 },
  (_, n) =>
    new Map([
      ['a/index.html', modelFile(`version ${n}`, n + 1)],
      ['b/page.html', modelFile('page', 1)],
    ]),
);
const treeAt = (n: number) => trees[n] as ModelTree;
/** A user of no other file. */
const user = 54_321;

const small = { inboxBytes: 0, decodedBytes: 64, temporaryBytes: 0, inodes: 0 };

/** Publishes the tree after the one that is live. */
async function publish(store: SiteStore, root: string, sequence: number): Promise<void> {
  const live = trees.findIndex((tree) => modelTreeId(tree) === store.live()?.tree);
  const target = treeAt(live + 1);
  await receiveAndStage(store, assignmentBetween(release(sequence), treeAt(live), target, { space: small }));
  await store.decide(decisionFor(release(sequence), modelTreeId(target)));
  assert.deepEqual(readDisk(fs.realpathSync(path.join(root, kitSite, 'live'))), expectedOnDisk(target));
  assert.deepEqual((await store.verify()).drift, []);
}

/** What the store has to put up with: a directory that is nobody's to remove, in each place where it cleans up. */
function placesFor(root: string): string[] {
  const site = path.join(root, kitSite);
  const live = path.basename(fs.realpathSync(path.join(site, 'live')));
  const slots = fs.readdirSync(path.join(site, 'trees')).filter((name) => name !== '.work' && name !== live);
  return [
    ...slots.map((slot) => `trees/${slot}/a/foreign`),
    'trees/foreign',
    // As a slot of a release to come would be called, and a temporary.
    'trees/1-0005',
    'trees/.work/7000',
    'trees/.trash-old',
    'inbox/foreign',
  ].map((name) => path.join(site, name));
}

async function liveWith(
  root: string,
  store: SiteStore,
  places: readonly string[],
  undo: () => void,
): Promise<void> {
  // STG-9: a tree that is not as it should be fails the release that it was to take, once, and is made anew.
  for (const sequence of [2, 3]) {
    await assert.rejects(publish(store, root, sequence), { code: 'TREE_MISMATCH' });
    await assert.rejects(store.settle());
  }
  await store.close();
  store = await openKitStore(root);
  for (const sequence of [4, 5, 6, 7]) {
    await publish(store, root, sequence);
    await assert.rejects(store.settle(), 'what could not be removed is reported');
  }
  undo();
  await store.settle();
  const left = places.filter((place) => fs.existsSync(place));
  assert.deepEqual(left, []);
  const kept = fs.readdirSync(path.join(root, kitSite, 'trees'));
  assert.equal(kept.length, 4, kept.join(', '));
  await store.close();
}

testNeeding(
  ['root'],
  'N39: files of another user in trees/ and inbox/ are reported, tried again, and wedge nothing',
  async (t) => {
    const root = makeRoot();
    t.after(() => fs.rmSync(root, { recursive: true }));
    fs.chownSync(root, user, user);
    await asUser(async () => {
      const store = await openPublishedStore(root, treeAt(0));
      const places = placesFor(root);
      process.seteuid?.(0);
      for (const place of places) {
        fs.mkdirSync(place, { mode: 0o700 });
        fs.writeFileSync(path.join(place, 'file'), 'of root');
      }
      process.seteuid?.(user);
      await liveWith(root, store, places, () => {
        process.seteuid?.(0);
        execFileSync('chown', ['-R', String(user), root]);
        process.seteuid?.(user);
      });
    });
  },
);

testNeeding(
  ['loop', 'chattr'],
  'N39: immutable files and directories are reported, tried again, and wedge nothing',
  async (t) => {
    const { directory: root } = mountExt4(t, { mebibytes: 16, inodes: 512 });
    const store = await openKitStore(root);
    await receiveAndStage(store, assignmentBetween(release(1), new Map(), treeAt(0), { space: small }));
    await store.decide(decisionFor(release(1), modelTreeId(treeAt(0))));
    await store.settle();
    const places = placesFor(root);
    for (const place of places) {
      fs.mkdirSync(place);
      fs.writeFileSync(path.join(place, 'file'), 'immutable');
      execFileSync('chattr', ['-R', '+i', place]);
    }
    // It complains of symlinks.
    await liveWith(
      root,
      store,
      places,
      () => void spawnSync('chattr', ['-R', '-i', path.join(root, kitSite)]),
    );
  },
);

testNeeding(
  ['root'],
  'N44: a file that the agent may not read any more is drift of the kind mode, whoever keeps it from it, and is put right from outside',
  async (t) => {
    const root = makeRoot();
    t.after(() => fs.rmSync(root, { recursive: true }));
    fs.chownSync(root, user, user);
    await asUser(async () => {
      const store = await openPublishedStore(root, treeAt(0));
      const live = fs.realpathSync(path.join(root, kitSite, 'live'));
      const [index, page] = [path.join(live, 'a/index.html'), path.join(live, 'b/page.html')];
      fs.chmodSync(index, 0);
      process.seteuid?.(0);
      fs.chownSync(page, 0, 0);
      fs.chmodSync(page, 0o600);
      process.seteuid?.(user);
      const found = [
        { path: 'a/index.html', problem: 'mode' },
        { path: 'b/page.html', problem: 'mode' },
      ] as const;
      const { signal } = new AbortController();
      assert.deepEqual(await store.check(['a/index.html', 'b/page.html'], signal), found);
      assert.deepEqual((await store.verify()).drift, found);
      // The inodes of all its trees: only the CCM has these bytes, and nothing is chmod-ed (STG-35).
      assert.deepEqual(await store.mend(found, signal), found);
      const tree = modelTreeId(treeAt(0));
      const encoded = kitAssignment({
        release: release(1),
        baseTree: tree,
        targetTree: tree,
        commands: commandsBetween(new Map(), treeAt(0)),
        overrides: { type: 'restore' },
      });
      assert.deepEqual(await store.restore(await receive(store, encoded), found, signal), []);
      assert.deepEqual(readDisk(live), expectedOnDisk(treeAt(0)));
      await store.close();
    });
  },
);

/** The file system's calls of this process are that user's meanwhile. */
async function asUser(work: () => Promise<void>): Promise<void> {
  assert.ok(process.seteuid);
  process.seteuid(user);
  try {
    await work();
  } finally {
    process.seteuid(0);
  }
}
