// A site on real, small file systems: tmpfs and ext4 without bytes or inodes, or remounted read-only. Needs root.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { TreecastError } from '../../model/treecast-error.ts';
import { testNeeding } from '../../plugins/testing/test-needing.ts';
import { mountExt4, mountTmpfs, type SmallDisk } from '../testing/small-disk.ts';
import type { SiteStore } from './site-store.ts';
import { expectedOnDisk, type ModelTree, modelFile, modelTreeId, readDisk } from './testing/model-tree.ts';
import {
  assignmentBetween,
  decisionFor,
  kitSite,
  openKitStore,
  receive,
  receiveAndStage,
  release,
} from './testing/site-kit.ts';

const kib = 1024;
const mib = 1024 ** 2;

function pages(count: number, bytes: number, mtime: number): ModelTree {
  return new Map(
    Array.from(
      { length: count },
      (_, n) => [`d${n % 3}/p${n}.bin`, modelFile(randomBytes(bytes), mtime)] as const,
    ),
  );
}

const one = pages(12, 4 * kib, 1);
const edited: ModelTree = new Map([...one, ['d0/p0.bin', modelFile('edited', 2)]]);
const large: ModelTree = new Map([
  ...one,
  ...[...pages(60, 32 * kib, 3)].map(([name, file]) => [`new/${name}`, file] as const),
]);

/** An assignment that says how many bytes its files have, and nothing of inodes. */
function changeTo(sequence: number, base: ModelTree, target: ModelTree) {
  const changed = [...target].filter(([name, file]) => base.get(name) !== file);
  const decodedBytes = changed.reduce((sum, [, { bytes }]) => sum + bytes.length, 0);
  const space = { inboxBytes: 0, decodedBytes, temporaryBytes: 0, inodes: 0 };
  return assignmentBetween(release(sequence), base, target, { space });
}

async function assertServed(store: SiteStore, { directory }: SmallDisk, tree: ModelTree): Promise<void> {
  assert.deepEqual(readDisk(fs.realpathSync(path.join(directory, kitSite, 'live'))), expectedOnDisk(tree));
  const { proof, drift } = await store.verify();
  assert.deepEqual([proof.tree, drift], [modelTreeId(tree), []]);
}

async function failureOf(work: Promise<unknown>): Promise<TreecastError> {
  const error: unknown = await work.then(
    () => assert.fail('it went well'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof TreecastError, String(error));
  return error;
}

const freeBlocks = ({ directory }: SmallDisk) => fs.statfsSync(directory).bavail;

/** Release 1 is live, and the background is done. */
async function openPublished({ directory }: SmallDisk): Promise<SiteStore> {
  const store = await openKitStore(directory);
  await receiveAndStage(store, changeTo(1, new Map(), one));
  await store.decide(decisionFor(release(1), modelTreeId(one)));
  await store.settle();
  return store;
}

async function publishedOn(t: TestContext, small: SmallDisk): Promise<SiteStore> {
  const store = await openPublished(small);
  t.after(() => store.close());
  return store;
}

testNeeding(
  ['tmpfs'],
  'N39 tmpfs: too few bytes or inodes are refused before anything is received, in words',
  async (t) => {
    const small = mountTmpfs(t, { bytes: 4 * mib, inodes: 400 });
    const store = await publishedOn(t, small);
    const space = { decodedBytes: 6 * mib, temporaryBytes: 0, inodes: 500 };
    const failure = await failureOf(
      store.openInbox(
        assignmentBetween(release(2), one, large, { space: { inboxBytes: 0, ...space } }).manifest,
      ),
    );
    assert.equal(failure.code, 'SPACE_INSUFFICIENT');
    assert.match(
      failure.message,
      new RegExp(
        `^the release needs 6\\.0 MiB and 500 inodes on the file system of ${small.directory}/sample, which has 3\\.\\d MiB and \\d+ inodes left$`,
      ),
    );
    assert.match(failure.fix ?? '', /^Free at least 2\.\d MiB and \d+ inodes there, then publish again\.$/);
    await assertServed(store, small, one);
  },
);

testNeeding(
  ['tmpfs'],
  'N39 tmpfs: somebody fills the disk while a release is staged: told, space given back, and the next one works',
  async (t) => {
    const small = mountTmpfs(t, { bytes: 6 * mib, inodes: 600 });
    const store = await publishedOn(t, small);
    const before = freeBlocks(small);
    const entry = await receive(store, changeTo(2, one, large));
    const failure = await failureOf(
      store.stage(entry, new AbortController().signal, ({ commandsDone }) => {
        if (commandsDone === 20) small.fill(64 * kib);
      }),
    );
    assert.equal(failure.code, 'SPACE_INSUFFICIENT');
    assert.match(
      failure.message,
      /command \d+ \(write new\/d\d\/p\d+\.bin\): the file system of .* is full: the release needs 1\.9 MiB/,
    );
    assert.deepEqual([store.holding().staged, store.live()?.release.sequence], [null, 1]);
    await assertServed(store, small, one);
    await store.settle().catch(() => undefined);
    assert.ok(
      freeBlocks(small) * 4096 > 256 * kib,
      'what the release had written is given back while the disk is full',
    );
    small.empty();
    await store.settle();
    assert.ok(before - freeBlocks(small) < 8, 'all of it');
    await receiveAndStage(store, changeTo(3, one, large));
    await store.decide(decisionFor(release(3), modelTreeId(large)));
    await assertServed(store, small, large);
  },
);

testNeeding(
  ['tmpfs'],
  'STG-27 tmpfs: without a free byte or inode a staged release is switched to, rolled back, and the store opened again',
  async (t) => {
    const small = mountTmpfs(t, { bytes: 4 * mib, inodes: 400 });
    let store = await openPublished(small);
    t.after(() => store.close());
    await receiveAndStage(store, changeTo(2, one, edited));
    small.fill();
    small.fillInodes();
    assert.equal((await store.decide(decisionFor(release(2), modelTreeId(edited)))).outcome, 'switched');
    await assertServed(store, small, edited);
    await store.close();
    store = await openKitStore(small.directory);
    assert.equal(store.live()?.tree, modelTreeId(edited));
    await assertServed(store, small, edited);
    small.empty();
    await store.settle();
    small.fill();
    small.fillInodes();
    assert.equal(
      (await store.decide(decisionFor(release(3), modelTreeId(one), 'rollback'))).outcome,
      'switched',
    );
    await assertServed(store, small, one);
    small.empty();
    await store.settle();
    await receiveAndStage(store, changeTo(4, one, edited));
    await store.decide(decisionFor(release(4), modelTreeId(edited)));
    await assertServed(store, small, edited);
  },
);

testNeeding(['tmpfs'], 'N39 tmpfs: inodes run out while a release is staged', async (t) => {
  const small = mountTmpfs(t, { bytes: 8 * mib, inodes: 400 });
  const store = await publishedOn(t, small);
  const inodes = fs.statfsSync(small.directory).ffree;
  small.fillInodes(30);
  const failure = await failureOf(receiveAndStage(store, changeTo(2, one, large)));
  assert.equal(failure.code, 'SPACE_INSUFFICIENT');
  assert.match(failure.message, /is full: the release needs 1\.9 MiB, and 7\.\d MiB and 0 inodes are left$/);
  await assertServed(store, small, one);
  await store.settle().catch(() => undefined);
  small.empty();
  await store.settle();
  assert.ok(inodes - fs.statfsSync(small.directory).ffree < 4);
  await receiveAndStage(store, changeTo(3, one, edited));
  await store.decide(decisionFor(release(3), modelTreeId(edited)));
  await assertServed(store, small, edited);
});

testNeeding(['tmpfs'], 'N39 tmpfs: a reception that fills the disk is dropped, and told', async (t) => {
  const small = mountTmpfs(t, { bytes: 80 * mib, inodes: 400 });
  const store = await publishedOn(t, small);
  const huge: ModelTree = new Map([...one, ['huge.bin', modelFile(randomBytes(34 * mib), 2)]]);
  const before = freeBlocks(small);
  const { manifest, header, data } = changeTo(2, one, huge);
  const entry = await store.openInbox(manifest);
  small.fill(4 * mib);
  const failure = await failureOf(
    (async () => {
      for (const index of entry.missingBlocks()) {
        const at = index * 131_072;
        await entry.writeBlock(index, data.subarray(at, Math.min(at + 131_072, header.data.bytes)));
      }
    })(),
  );
  assert.equal(failure.code, 'SPACE_INSUFFICIENT');
  assert.match(failure.message, /^receiving it: the file system of .* is full: the release needs /);
  small.empty();
  assert.ok(before - freeBlocks(small) < 8, 'what was received is gone');
  await assertServed(store, small, one);
});

testNeeding(
  ['tmpfs'],
  'STG-20, STG-23: on a full disk the records of twins are not thrown away for a new file',
  async (t) => {
    const small = mountTmpfs(t, { bytes: 4 * mib, inodes: 400 });
    let store = await openPublished(small);
    t.after(() => store.close());
    await receiveAndStage(store, changeTo(2, one, edited));
    await store.writeTwin(release(2), 'd0/p0.bin', '.gz', Buffer.from('twin'));
    await store.sealTwins(release(2));
    await store.decide(decisionFor(release(2), modelTreeId(edited)));
    await store.settle();
    await store.close();
    const file = path.join(small.directory, kitSite, 'twins.db');
    const { ino } = fs.statSync(file);
    small.fill();
    small.fillInodes();
    store = await openKitStore(small.directory);
    await store.settle().catch(() => undefined);
    await store.verify().catch(() => undefined);
    assert.equal(fs.statSync(file).ino, ino);
    await store.close();
    small.empty();
    store = await openKitStore(small.directory);
    await store.settle();
    const { drift } = await store.verify();
    assert.deepEqual(drift, []);
  },
);

testNeeding(['loop'], 'N39 ext4: bytes or inodes run out while a release is staged', async (t) => {
  const small = mountExt4(t, { mebibytes: 16, inodes: 256 });
  const store = await publishedOn(t, small);
  for (const [sequence, take] of [
    [2, () => small.fill(512 * kib)],
    [3, () => small.fillInodes(30)],
  ] as const) {
    const entry = await receive(store, changeTo(sequence, one, large));
    const failure = await failureOf(
      store.stage(entry, new AbortController().signal, ({ commandsDone }) => {
        if (commandsDone === 20) take();
      }),
    );
    assert.equal(failure.code, 'SPACE_INSUFFICIENT');
    await assertServed(store, small, one);
    await store.settle().catch(() => undefined);
    small.empty();
    await store.settle();
  }
  await receiveAndStage(store, changeTo(4, one, edited));
  await store.decide(decisionFor(release(4), modelTreeId(edited)));
  await assertServed(store, small, edited);
});

testNeeding(
  ['loop'],
  'N39 ext4: made read-only by the kernel before a stage or a switch: DISK_FAILED, served all the same, also after a start',
  async (t) => {
    const small = mountExt4(t, { mebibytes: 32, inodes: 512 });
    let store = await openPublished(small);
    t.after(() => store.close());
    await receiveAndStage(store, changeTo(2, one, edited));
    const later = await receive(store, changeTo(3, one, large));
    small.breakDown();
    const failure = await failureOf(store.stage(later, new AbortController().signal));
    assert.equal(failure.code, 'DISK_FAILED');
    assert.match(failure.message, /: the file system of .*\/sample is mounted read-only$/);
    const decision = decisionFor(release(2), modelTreeId(edited));
    assert.equal((await failureOf(store.decide(decision))).code, 'DISK_FAILED');
    await assertServed(store, small, one);
    await store.close();
    store = await openKitStore(small.directory);
    await assertServed(store, small, one);
    await store.close();
    small.mend();
    store = await openKitStore(small.directory);
    await receiveAndStage(store, changeTo(3, one, edited));
    assert.equal((await store.decide(decisionFor(release(3), modelTreeId(edited)))).outcome, 'switched');
    await assertServed(store, small, edited);
    await store.settle();
  },
);

testNeeding(
  ['tmpfs'],
  'STG-30: opened on a disk that may only be read, a site with twins is served, and published to as soon as it may be written again',
  async (t) => {
    const small = mountTmpfs(t, { bytes: 8 * mib, inodes: 2_000 });
    let store = await openPublished(small);
    t.after(() => store.close());
    await receiveAndStage(store, changeTo(2, one, edited));
    await store.writeTwin(release(2), 'd1/p1.bin', '.gz', Buffer.from('packed'));
    await store.sealTwins(release(2));
    await store.decide(decisionFor(release(2), modelTreeId(edited)));
    await store.close();
    small.remount('ro');
    store = await openKitStore(small.directory);
    const twin = path.join(small.directory, kitSite, 'live', 'd1', 'p1.bin.gz');
    assert.equal(fs.readFileSync(twin, 'utf8'), 'packed');
    for (const ask of [() => receiveAndStage(store, changeTo(3, edited, one)), () => store.verify()]) {
      const failure = await failureOf(ask());
      assert.equal(failure.code, 'DISK_FAILED');
      assert.match(failure.message, /: the file system of .*\/sample is mounted read-only$/);
    }
    small.remount('rw');
    await receiveAndStage(store, changeTo(3, edited, one));
    assert.equal((await store.decide(decisionFor(release(3), modelTreeId(one)))).outcome, 'switched');
    assert.equal(fs.readFileSync(twin, 'utf8'), 'packed');
    assert.deepEqual((await store.verify()).drift, []);
    await store.settle();
  },
);
