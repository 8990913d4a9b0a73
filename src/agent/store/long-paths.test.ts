// STG-38: what somebody nests in a live tree without end is found, named and removed as one thing, and costs no more the deeper it is.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { DriftPolicy } from '../../model/site.ts';
import { createDisk, type Disk } from './disk.ts';
import { isTooLong, whereTooLong } from './long-path.ts';
import type { SiteStore } from './site-store.ts';
import { type ModelTree, modelFile } from './testing/model-tree.ts';
import { kitGrant, kitSite, makeRoot, openKitStore, openPublishedStore } from './testing/site-kit.ts';

const tree: ModelTree = new Map([
  ['a/b/c.txt', modelFile('c', 1000)],
  ['a/x.txt', modelFile('x', 1001)],
  ['index.html', modelFile('one', 1002)],
]);
const never = new AbortController().signal;
let root: string;
let store: SiteStore;

beforeEach(async () => {
  root = makeRoot();
  store = await openPublishedStore(root, tree);
});

afterEach(async () => {
  await store.close();
  fs.rmSync(root, { recursive: true });
});

const live = () => fs.realpathSync(path.join(root, kitSite, 'live'));

/** Directories in each other, with a file in the last. */
function nest(name: string, levels: number): void {
  let handle = fs.openSync(live(), 'r');
  for (let level = 0; level < levels; level++) {
    fs.mkdirSync(`/proc/self/fd/${handle}/${name}`);
    const next = fs.openSync(`/proc/self/fd/${handle}/${name}`, 'r');
    fs.closeSync(handle);
    handle = next;
  }
  fs.writeFileSync(`/proc/self/fd/${handle}/last`, 'x');
  fs.closeSync(handle);
}

async function suspects(): Promise<string[]> {
  const found: string[] = [];
  for await (const visit of store.walk({ after: null, onRead: () => undefined, signal: never })) {
    if (visit.isSuspect) found.push(visit.path);
  }
  return found;
}

test('STG-38 N44 where paths become longer than a tree’s, one directory is extra: walk, check and verify say so, and a repair removes it', async () => {
  const name = 'ü'.repeat(125);
  nest(name, 66);
  fs.writeFileSync(path.join(live(), 'a/extra.txt'), 'x');
  const long = Array.from({ length: 17 }, () => name).join('/');
  assert.deepEqual(await suspects(), ['a/extra.txt', long]);
  const drift = await store.check(await suspects(), never);
  assert.deepEqual(drift, [
    { path: 'a/extra.txt', problem: 'extra' },
    { path: long, problem: 'extra' },
  ]);
  assert.deepEqual((await store.verify()).drift, drift);
  const policy: DriftPolicy = { action: 'repair', extra: 'remove', ignore: [] };
  store.updateGrant({ ...kitGrant, policy: { ...kitGrant.policy, drift: policy } });
  assert.deepEqual(await store.mend(drift, never), []);
  assert.deepEqual(fs.readdirSync(live()).sort(), ['a', 'index.html']);
});

test('STG-36 STG-38 an extra directory of 4,000 files goes in slices: the event loop runs meanwhile', async () => {
  const name = 'x'.repeat(250);
  nest(name, 17);
  const down = (levels: number) => Array.from({ length: levels }, () => name).join('/');
  const handle = fs.openSync(path.join(live(), down(10)), 'r');
  const below = `/proc/self/fd/${handle}/${down(7)}`;
  for (let number = 0; number < 4_000; number++) fs.writeFileSync(`${below}/${number}`, '');
  fs.closeSync(handle);
  await store.close();
  let [atOnce, atOnceMost] = [0, 0];
  store = await openKitStore(
    root,
    createDisk((effect) => {
      if (effect === 'unlink') atOnceMost = Math.max(atOnceMost, ++atOnce);
    }),
  );
  const policy: DriftPolicy = { action: 'repair', extra: 'remove', ignore: ['uploads/**'] };
  store.updateGrant({ ...kitGrant, policy: { ...kitGrant.policy, drift: policy } });
  const drift = await store.check(await suspects(), never);
  assert.equal(drift.length, 1);
  const turns = setInterval(() => {
    atOnce = 0;
  }, 1);
  assert.deepEqual(await store.mend(drift, never), []);
  clearInterval(turns);
  assert.deepEqual(fs.readdirSync(live()).sort(), ['a', 'index.html']);
  assert.ok(atOnceMost > 0 && atOnceMost < 3_500, `${atOnceMost} files removed at once`);
});

test('STG-38 the walk opens each directory about once, however deep it is', async () => {
  nest('d', 1_000);
  await store.close();
  let opened = 0;
  const disk = createDisk();
  store = await openKitStore(root, {
    ...disk,
    open(...named) {
      opened++;
      return disk.open(...named);
    },
  });
  opened = 0;
  const last = `${'d/'.repeat(1_000)}last`;
  assert.deepEqual(await suspects(), [last]);
  assert.ok(opened < 5_000, `${opened} directories opened`);
});

test('STG-38 a directory that is replaced during the walk is looked at as it is then', async () => {
  const visits: string[] = [];
  for await (const visit of store.walk({ after: null, onRead: () => undefined, signal: never })) {
    visits.push(`${visit.path}${visit.isSuspect ? ' suspect' : ''}`);
    if (visit.path !== 'a/b/c.txt') continue;
    fs.renameSync(path.join(live(), 'a'), path.join(root, 'a'));
    fs.cpSync(path.join(root, 'a'), path.join(live(), 'a'), { recursive: true });
    fs.writeFileSync(path.join(live(), 'a/x.txt'), 'y');
  }
  assert.deepEqual(visits, ['', 'a', 'a/b', 'a/b/c.txt', 'a/x.txt suspect', 'index.html']);
});

test('ASG-16 a path is cut where it becomes too long, by bytes', () => {
  const name = 'ü'.repeat(100);
  const path = Array.from({ length: 40 }, () => name).join('/');
  const cut = whereTooLong(path);
  assert.ok(path.startsWith(`${cut}/`) && isTooLong(cut) && !isTooLong(cut.slice(0, cut.lastIndexOf('/'))));
  assert.deepEqual([whereTooLong(cut), whereTooLong('a/b')], [cut, 'a/b']);
  const whole = 'x'.repeat(5_000);
  assert.equal(whereTooLong(whole), whole);
});

test('STG-38 what is named below a directory that is gone costs no look for each level', async () => {
  nest('d', 600);
  const deep = Array.from({ length: 600 }, () => 'd').join('/');
  await store.close();
  const policy: DriftPolicy = { action: 'repair', extra: 'remove', ignore: [] };
  const real = createDisk();
  let opened = 0;
  const open: Disk['open'] = (...how) => {
    opened += 1;
    return real.open(...how);
  };
  store = await openKitStore(
    root,
    { ...real, open },
    { ...kitGrant, policy: { ...kitGrant.policy, drift: policy } },
  );
  const found = await store.check([`${deep}/last`], never);
  assert.deepEqual(found, [{ path: `${deep}/last`, problem: 'extra' }]);
  await store.mend(found, never);
  assert.equal(fs.existsSync(path.join(live(), 'd')), false);
  opened = 0;
  assert.deepEqual(await store.check([`${deep}/last`], never), []);
  assert.ok(opened < 10, `${opened} directories were opened`);
});
