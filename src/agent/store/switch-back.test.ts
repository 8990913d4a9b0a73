// One node goes back to its backup after a failed health check, and executes the same decision again later (STG-25).

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { createDisk } from './disk.ts';
import type { SiteStore } from './site-store.ts';
import { expectedOnDisk, type ModelTree, modelFile, modelTreeId, readDisk } from './testing/model-tree.ts';
import {
  assignmentBetween,
  decisionFor,
  kitSite,
  makeRoot,
  openKitStore,
  openPublishedStore,
  receiveAndStage,
  release,
} from './testing/site-kit.ts';

const one: ModelTree = new Map([['index.html', modelFile('one', 1000)]]);
const two: ModelTree = new Map([['index.html', modelFile('two', 2000)]]);
const three: ModelTree = new Map([...one, ['new.html', modelFile('three', 3000)]]);
const second = decisionFor(release(2), modelTreeId(two));

let root: string;
let store: SiteStore;

beforeEach(async () => {
  root = makeRoot();
  store = await openPublishedStore(root, one);
});

afterEach(async () => {
  await store.close();
  fs.rmSync(root, { recursive: true });
});

const onDisk = () => readDisk(fs.realpathSync(path.join(root, kitSite, 'live')));

async function publishTwo(): Promise<void> {
  await receiveAndStage(store, assignmentBetween(release(2), one, two));
  await store.decide(second);
}

test('STG-25: the backup is live again, the failed tree is the backup, and the decision can be executed anew', async () => {
  await publishTwo();
  const outcome = await store.switchBack(second);
  const proof = { tree: modelTreeId(one), scope: 'changed', release: release(1) };
  assert.deepEqual(outcome, { outcome: 'switched', proof });
  assert.deepEqual(onDisk(), expectedOnDisk(one));
  const { live, backup, lastDecision, executed } = store.holding();
  assert.deepEqual([live?.tree, backup?.tree], [modelTreeId(one), modelTreeId(two)]);
  assert.deepEqual([lastDecision, executed], [second, false]);
  assert.deepEqual(store.resolveBackup()?.release, release(2));
  assert.deepEqual(await store.switchBack(second), { outcome: 'repeated', proof });
  assert.equal((await store.decide(second)).outcome, 'switched');
  assert.deepEqual(onDisk(), expectedOnDisk(two));
  assert.equal(store.holding().executed, true);
});

test('STG-25: the next release is staged from the tree gone back to, over whatever the background had begun', async () => {
  await publishTwo();
  await store.switchBack(second);
  await store.settle();
  await receiveAndStage(store, assignmentBetween(release(3), one, three));
  await store.decide(decisionFor(release(3), modelTreeId(three)));
  assert.deepEqual(onDisk(), expectedOnDisk(three));
  assert.deepEqual((await store.verify()).drift, []);
});

test('STG-25: without a backup nothing is done; another decision than the last is refused', async () => {
  const first = decisionFor(release(1), modelTreeId(one));
  assert.equal(store.resolveBackup(), null);
  assert.deepEqual(await store.switchBack(first), { outcome: 'stale' });
  await publishTwo();
  assert.deepEqual(await store.switchBack(first), { outcome: 'outdated' });
  await assert.rejects(store.switchBack(decisionFor(release(5), modelTreeId(two))), { code: 'BUG' });
  await assert.rejects(store.switchBack({ ...second, decidedAt: 1 }), { code: 'DECISION_INVALID' });
  assert.deepEqual(onDisk(), expectedOnDisk(two));
});

test('STG-16, STG-25: a crash between symlink and journal counts as switched back', async () => {
  await publishTwo();
  await store.close();
  let dead = false;
  const disk = createDisk((effect, where) => {
    dead ||= effect === 'rename' && where.endsWith('/state.json');
    if (dead) throw new Error('crashed');
  });
  store = await openKitStore(root, disk);
  await assert.rejects(store.switchBack(second), { code: 'SWITCH_FAILED' });
  await store.close();
  store = await openKitStore(root);
  assert.equal(store.live()?.tree, modelTreeId(one));
  const { backup, lastDecision, executed } = store.holding();
  assert.deepEqual([backup?.tree, lastDecision, executed], [modelTreeId(two), second, false]);
  assert.equal((await store.decide(second)).outcome, 'switched');
});
