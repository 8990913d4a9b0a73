// index.db and twins.db where the file is damaged, or the disk keeps it from being opened.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import type { SiteStore } from './site-store.ts';
import { expectedOnDisk, type ModelTree, modelFile, modelTreeId, readDisk } from './testing/model-tree.ts';
import {
  assignmentBetween,
  decisionFor,
  kitSite,
  openKitStore,
  openPublishedStore,
  receiveAndStage,
  release,
} from './testing/site-kit.ts';

const one: ModelTree = new Map(
  Array.from({ length: 150 }, (_, n) => [`d${n}/page.html`, modelFile(`page ${n}`, 1)] as const),
);
const two: ModelTree = new Map([...one, ['d7/page.html', modelFile('edited', 2)]]);

async function publishTwo(store: SiteStore, root: string): Promise<void> {
  await receiveAndStage(store, assignmentBetween(release(2), one, two));
  await store.decide(decisionFor(release(2), modelTreeId(two)));
  assert.deepEqual(readDisk(fs.realpathSync(path.join(root, kitSite, 'live'))), expectedOnDisk(two));
  assert.deepEqual((await store.verify()).drift, []);
  await store.settle();
}

/** Everything but the head, so that it looks like a database until something is read of it. */
function damage(file: string): void {
  const { size } = fs.statSync(file);
  assert.ok(size > 16_384, `${size} bytes`);
  const fd = fs.openSync(file, 'r+');
  fs.writeSync(fd, Buffer.alloc(size - 4096, 0xff), 0, size - 4096, 4096);
  fs.closeSync(fd);
}

for (const [what, spoil] of [
  ['no database', (file: string) => fs.writeFileSync(file, 'not a database at all')],
  ['damaged behind its first page', damage],
] as const) {
  test(`STG-18, STG-30: an index.db that is ${what} is made anew, and the site is published to`, async (t) => {
    const root = temporaryDirectory(t);
    let store = await openPublishedStore(root, one);
    await store.close();
    spoil(path.join(root, kitSite, 'index.db'));
    store = await openKitStore(root);
    t.after(() => store.close());
    await publishTwo(store, root);
  });
}

test('STG-30: an index.db that cannot be opened keeps no site from being opened and published to', async (t) => {
  const root = temporaryDirectory(t);
  let store = await openPublishedStore(root, one);
  await store.close();
  const file = path.join(root, kitSite, 'index.db');
  fs.rmSync(file);
  // SQLITE_CANTOPEN, as without an inode.
  fs.mkdirSync(file);
  store = await openKitStore(root);
  t.after(() => store.close());
  await publishTwo(store, root);
});
