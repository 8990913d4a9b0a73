// Start-up after losses that the property test does not produce: damaged journals, foreign names, a live symlink from elsewhere,
// half-received assignments.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { blockRange } from '../../assignment/block-layout.ts';
import { blockBytes } from '../../model/assignment.ts';
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

const one: ModelTree = new Map([
  ['index.html', modelFile('one', 1000)],
  ['css/site.css', modelFile('body {}', 1000)],
]);
const two: ModelTree = new Map([...one, ['index.html', modelFile('two', 2000)]]);

let root: string;
let site: string;
let store: SiteStore;

beforeEach(async () => {
  root = makeRoot();
  site = path.join(root, kitSite);
  store = await openPublishedStore(root, one);
});

afterEach(async () => {
  await store.close();
  fs.rmSync(root, { recursive: true });
});

async function reopen(change: () => void): Promise<void> {
  await store.close();
  change();
  store = await openKitStore(root);
}

async function publishTwo(): Promise<void> {
  await receiveAndStage(store, assignmentBetween(release(2), one, two));
  await store.decide(decisionFor(release(2), modelTreeId(two)));
  assert.deepEqual(readDisk(fs.realpathSync(path.join(site, 'live'))), expectedOnDisk(two));
}

for (const [what, text] of [
  ['no JSON', '{"version":1,'],
  ['an unknown key', '{"version":1,"surprise":true}'],
  ['nothing', ''],
] as const) {
  test(`STG-18: a journal that is ${what} is rebuilt from the live tree, which can be published to again`, async () => {
    await reopen(() => fs.writeFileSync(path.join(site, 'state.json'), text));
    const { live, backup, lastDecision } = store.holding();
    assert.deepEqual(live, { release: release(1), tree: modelTreeId(one) });
    assert.deepEqual([backup, lastDecision], [null, null]);
    await publishTwo();
  });
}

test('STG-18: a rebuilt journal tells the tree that is on disk, not the one that should be', async () => {
  await reopen(() => {
    fs.writeFileSync(path.join(site, 'state.json'), '');
    fs.rmSync(path.join(site, 'live', 'css'), { recursive: true });
  });
  const left: ModelTree = new Map([...one].filter(([name]) => name === 'index.html'));
  assert.equal(store.live()?.tree, modelTreeId(left));
});

test('a journal from before there were twins and plugin commands is understood', async () => {
  const before = store.holding();
  await reopen(() => {
    const file = path.join(site, 'state.json');
    const journal = JSON.parse(fs.readFileSync(file, 'utf8'));
    delete journal.twins;
    for (const slot of journal.slots) delete slot.commands;
    fs.writeFileSync(file, JSON.stringify(journal));
  });
  assert.deepEqual(store.holding(), before);
  assert.notEqual(store.holding().lastDecision, null, 'it was not rebuilt');
  await publishTwo();
});

test('STG-16: a symlink that points out of the site or to nothing is refused, not followed', async () => {
  await store.close();
  const link = path.join(site, 'live');
  const before = fs.readlinkSync(link);
  for (const target of ['/etc', 'trees/../../elsewhere', 'trees/1-0099']) {
    fs.rmSync(link);
    fs.symlinkSync(target, link);
    await assert.rejects(openKitStore(root), { code: 'STATE_CORRUPT' });
  }
  fs.rmSync(link);
  fs.symlinkSync(before, link);
  store = await openKitStore(root);
  await publishTwo();
});

test('STG-17: names in trees/ that the journal does not know are removed; slots are left alone', async () => {
  await reopen(() => {
    fs.mkdirSync(path.join(site, 'trees', '1-0077', 'x'), { recursive: true });
    fs.writeFileSync(path.join(site, 'trees', 'stray'), 'x');
    fs.writeFileSync(path.join(site, 'trees', '.work', '7'), 'x');
    fs.writeFileSync(path.join(site, 'inbox', 'stray'), 'x');
  });
  await store.settle();
  const names = fs.readdirSync(path.join(site, 'trees'));
  assert.equal(names.filter((name) => name !== '.work').length, 3);
  assert.ok(!names.includes('1-0077') && !names.includes('stray'));
  assert.deepEqual(fs.readdirSync(path.join(site, 'trees', '.work')), []);
  assert.deepEqual(fs.readdirSync(path.join(site, 'inbox')), []);
  await publishTwo();
});

test('a large assignment resumes after a restart with the blocks that arrived whole', async () => {
  // Above what is held in memory.
  const bytes = randomBytes(34_000_000);
  const big: ModelTree = new Map([...one, ['big.bin', modelFile(bytes, 2000)]]);
  const { header, manifest, data } = assignmentBetween(release(2), one, big);
  const block = (index: number) => {
    const { offset, length } = blockRange(header, index);
    return data.subarray(offset, offset + length);
  };
  let entry = await store.openInbox(manifest);
  assert.equal(entry.missingBlocks().length, Math.ceil(bytes.length / blockBytes));
  const arrived = entry.missingBlocks().filter((index) => index % 3 !== 0);
  for (const index of arrived.reverse()) await entry.writeBlock(index, block(index));
  assert.equal(await store.openInbox(manifest), entry, 'a second reception goes on with the first');
  await reopen(() => {
    const file = path.join(site, 'inbox', `${header.id}.data`);
    const fd = fs.openSync(file, 'r+');
    fs.writeSync(fd, 'torn', 2 * blockBytes + 5);
    fs.closeSync(fd);
  });
  entry = await store.openInbox(manifest);
  assert.deepEqual(entry.missingBlocks().slice(0, 5), [0, 2, 3, 6, 9]);
  for (const index of entry.missingBlocks()) await entry.writeBlock(index, block(index));
  await store.stage(entry, new AbortController().signal);
  await store.decide(decisionFor(release(2), modelTreeId(big)));
  assert.deepEqual(readDisk(fs.realpathSync(path.join(site, 'live'))), expectedOnDisk(big));
  await store.settle();
  assert.deepEqual(fs.readdirSync(path.join(site, 'inbox')), []);
});

test('a manifest stays in the inbox as long as a lag names it, and not longer', async () => {
  const many: ModelTree = new Map([
    ...one,
    ...Array.from({ length: 100 }, (_, n) => [`f${n}`, modelFile(`${n}`, 2000)] as const),
  ]);
  const { header, manifest, data } = assignmentBetween(release(2), one, many);
  await receiveAndStage(store, { header, manifest, data });
  await store.decide(decisionFor(release(2), modelTreeId(many)));
  await reopen(() => assert.deepEqual(fs.readdirSync(path.join(site, 'inbox')), [`${header.id}.manifest`]));
  await store.settle();
  const three: ModelTree = new Map([...many, ['f1', modelFile('new', 3000)]]);
  const four: ModelTree = new Map([...three, ['f2', modelFile('new', 4000)]]);
  for (const [sequence, base, target] of [
    [3, many, three],
    [4, three, four],
  ] as const) {
    await receiveAndStage(store, assignmentBetween(release(sequence), base, target));
    await store.decide(decisionFor(release(sequence), modelTreeId(target)));
    await store.settle();
  }
  assert.deepEqual(fs.readdirSync(path.join(site, 'inbox')), []);
});
