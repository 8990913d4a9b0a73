// What is durable before what, read from the trace of a one-file edit (STG-1, STG-5 to STG-9), and how few syncs it takes.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { createDirectoryHandles } from './directory-handles.ts';
import { createDisk } from './disk.ts';
import { createSyncSet } from './durability.ts';
import { type ModelTree, modelFile, modelTreeId } from './testing/model-tree.ts';
import {
  assignmentBetween,
  decisionFor,
  kitSite,
  makeRoot,
  openPublishedStore,
  receiveAndStage,
  release,
} from './testing/site-kit.ts';

const one: ModelTree = new Map([
  ['a/index.html', modelFile('one', 1)],
  ['a/other.html', modelFile('other', 1)],
]);
const two: ModelTree = new Map([...one, ['a/index.html', modelFile('two', 2)]]);

/** The trace of publishing `two` over `one` when the background is done, and of the background after it. */
async function traceOfEdit(): Promise<{ edit: string[]; background: string[]; syncs: number }> {
  const root = makeRoot();
  let trace: string[] = [];
  const disk = createDisk((effect, where) => {
    trace.push(`${effect} ${where.replace(`${root}/${kitSite}`, '.')}`);
  });
  const store = await openPublishedStore(root, one, disk);
  try {
    trace = [];
    const before = disk.counts.syncs;
    await receiveAndStage(store, assignmentBetween(release(2), one, two));
    trace.push('staged');
    await store.decide(decisionFor(release(2), modelTreeId(two)));
    const edit = trace;
    const syncs = disk.counts.syncs - before;
    trace = [];
    await receiveAndStage(store, assignmentBetween(release(3), two, one));
    await store.decide(decisionFor(release(3), modelTreeId(one)));
    trace = [];
    await store.settle();
    return { edit, background: trace, syncs };
  } finally {
    await store.close();
    fs.rmSync(root, { recursive: true });
  }
}

test('STG-1, STG-5 to STG-9: the whole order of a one-file edit, in at most nine syncs', async () => {
  const { edit, syncs } = await traceOfEdit();
  const spare = edit.find((line) => line.startsWith('rename ./trees/'));
  assert.equal(spare, 'rename ./trees/1-0002');
  assert.deepEqual(
    edit.map((line) => line.replace(/\.work\/\d+/, '.work/N')),
    [
      // STG-1: slot, names and lag are durable
      'create ./state.json.tmp',
      'write ./state.json.tmp',
      'sync ./state.json.tmp',
      'rename ./state.json',
      'sync .',
      // STG-5: before the rename, and that before the first write
      'rename ./trees/1-0002',
      'sync ./trees',
      // STG-6: the name is taken, so a temporary replaces it
      'create ./trees/1-0002/a/index.html',
      'create ./trees/.work/N',
      'write ./trees/.work/N',
      'metadata ./trees/.work/N',
      'metadata ./trees/.work/N',
      'rename ./trees/1-0002/a/index.html',
      // STG-7: file and directory are durable before the journal says staged
      'create ./state.json.tmp',
      'write ./state.json.tmp',
      'sync ./state.json.tmp',
      'sync ./trees/.work/N',
      'sync ./trees/1-0002/a',
      'rename ./state.json',
      'sync .',
      'staged',
      // STG-8: symlink, then journal, then one sync for both
      'create ./state.json.tmp',
      'write ./state.json.tmp',
      'sync ./state.json.tmp',
      'symlink ./live.tmp',
      'rename ./live',
      'rename ./state.json',
      'sync .',
    ],
  );
  assert.equal(syncs, 9);
});

test('STG-20: twins are in the lag and the staging incomplete before the first is named, and durable before it is complete', async () => {
  const root = makeRoot();
  let trace: string[] = [];
  const disk = createDisk((effect, where) => {
    trace.push(`${effect} ${where.replace(`${root}/${kitSite}`, '.').replace(/\.work\/\d+/, '.work/N')}`);
  });
  const store = await openPublishedStore(root, one, disk);
  const journal = () => JSON.parse(fs.readFileSync(`${root}/${kitSite}/state.json`, 'utf8'));
  const saved = ['create', 'write', 'sync'].map((effect) => `${effect} ./state.json.tmp`);
  try {
    await receiveAndStage(store, assignmentBetween(release(2), one, two));
    const before = journal();
    trace = [];
    await store.writeTwin(release(2), 'a/other.html', '.gz', Buffer.from('twin'));
    assert.deepEqual(journal(), before);
    await store.sealTwins(release(2));
    assert.deepEqual(trace, [
      'create ./trees/.work/N',
      'write ./trees/.work/N',
      'metadata ./trees/.work/N',
      'metadata ./trees/.work/N',
      ...saved,
      'rename ./state.json',
      'sync .',
      'rename ./trees/1-0002/a/other.html.gz',
      'sync ./trees/.work/N',
      'sync ./trees/1-0002/a',
      ...saved,
      'rename ./state.json',
      'sync .',
    ]);
    const { staging, slots } = journal();
    assert.equal(staging.complete, true);
    const { lag } = slots.find(({ slot }: { slot: number }) => slot === staging.slot);
    assert.deepEqual(lag.paths, ['a/index.html', 'a/other.html']);
  } finally {
    await store.close();
    fs.rmSync(root, { recursive: true });
  }
});

test('STG-20: sealing nothing, and a site without twins or commands, make no call and no file', async () => {
  const root = makeRoot();
  const disk = createDisk();
  const store = await openPublishedStore(root, one, disk);
  try {
    await receiveAndStage(store, assignmentBetween(release(2), one, two));
    const { calls } = { ...disk.counts };
    await store.sealTwins(release(2));
    assert.deepEqual(store.commandsOf(release(2)), []);
    assert.equal(disk.counts.calls, calls);
    assert.equal(fs.existsSync(`${root}/${kitSite}/twins.db`), false);
    assert.deepEqual(fs.readdirSync(`${root}/${kitSite}/inbox`), []);
  } finally {
    await store.close();
    fs.rmSync(root, { recursive: true });
  }
});

test('STG-5: the background renames a tree that was live before it links anything into it', async () => {
  const { background } = await traceOfEdit();
  assert.deepEqual(
    background.map((line) => line.replace(/\.work\/\d+|spare-\d+/, (name) => name.replace(/\d+/, 'N'))),
    [
      'rename ./trees/spare-N',
      'sync ./trees',
      'unlink ./trees/spare-N/a/index.html',
      'link ./trees/spare-N/a/index.html',
      'sync ./trees/spare-N/a',
    ],
  );
});

test('STG-7: many files are made durable by one sync of the file system, few by one each', async () => {
  const root = makeRoot();
  try {
    for (const [files, expected] of [
      [5, 6],
      [200, 1],
    ] as const) {
      const disk = createDisk();
      const syncs = createSyncSet(disk);
      const handles = createDirectoryHandles(disk, root);
      for (let n = 0; n < files; n++) {
        syncs.file(disk.open(`${root}/${files}-${n}`, fs.constants.O_CREAT | fs.constants.O_WRONLY, 0o600));
      }
      syncs.directory('');
      await syncs.settle(handles, root);
      handles.close();
      assert.equal(disk.counts.syncs, expected);
    }
  } finally {
    fs.rmSync(root, { recursive: true });
  }
});
