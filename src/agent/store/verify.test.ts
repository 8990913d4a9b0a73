// Verification re-reads every byte and names what differs.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { SiteStore } from './site-store.ts';
import { type ModelEntry, type ModelTree, modelFile, modelLink, modelTreeId } from './testing/model-tree.ts';
import {
  assignmentBetween,
  decisionFor,
  kitSite,
  makeRoot,
  openKitStore,
  receiveAndStage,
  release,
} from './testing/site-kit.ts';

const large = Buffer.alloc(300_000, 'large ');
const tree: ModelTree = new Map<string, ModelEntry>([
  ['index.html', modelFile('<h1>one</h1>', 1000)],
  ['a/b/c.txt', modelFile('c', 1000)],
  ['a/b/run', modelFile('#!/bin/sh\n', 1000, '100755')],
  ['a/large.bin', modelFile(large, 1000)],
  ['link', modelLink('a/b/c.txt', 1000)],
  ['z/only.txt', modelFile('only', 1000)],
  ...Array.from({ length: 60 }, (_, n) => [`many/${n}/file-${n}.txt`, modelFile(`${n}`, 1000)] as const),
]);

let root: string;
let store: SiteStore;

beforeEach(async () => {
  root = makeRoot();
  store = await openKitStore(root);
  await receiveAndStage(store, assignmentBetween(release(1), new Map(), tree));
  await store.decide(decisionFor(release(1), modelTreeId(tree)));
});

afterEach(async () => {
  await store.close();
  fs.rmSync(root, { recursive: true });
});

const at = (name: string) => path.join(fs.realpathSync(path.join(root, kitSite, 'live')), name);

test('an untouched tree verifies as what was published', async () => {
  assert.deepEqual(await store.verify(), {
    proof: { tree: modelTreeId(tree), scope: 'full', release: release(1) },
    drift: [],
  });
});

test('one byte flipped with size and mtime restored is found, small file and large', async () => {
  for (const [name, position] of [
    ['a/b/c.txt', 0],
    ['a/large.bin', 299_999],
  ] as const) {
    const { atime, mtime } = fs.statSync(at(name));
    const before = fs.readFileSync(at(name));
    const flipped = Buffer.from(before);
    flipped.writeUInt8(flipped.readUInt8(position) ^ 1, position);
    fs.writeFileSync(at(name), flipped);
    fs.utimesSync(at(name), atime, mtime);
    const { proof, drift } = await store.verify();
    assert.notEqual(proof.tree, modelTreeId(tree));
    assert.deepEqual(drift, [{ path: name, problem: 'content' }]);
    fs.writeFileSync(at(name), before);
  }
});

test('every kind of difference is named, each with its path', async () => {
  fs.chmodSync(at('a/b/run'), 0o644);
  fs.rmSync(at('index.html'));
  fs.rmSync(at('link'));
  fs.symlinkSync('elsewhere', at('link'));
  fs.rmSync(at('z'), { recursive: true });
  fs.writeFileSync(at('a/extra.txt'), 'x');
  fs.mkdirSync(at('new/deep'), { recursive: true });
  fs.writeFileSync(at('new/deep/file'), 'x');
  fs.mkdirSync(at('empty'));
  fs.rmSync(at('many/3/file-3.txt'));
  fs.mkdirSync(at('many/3/file-3.txt'));
  fs.writeFileSync(at('many/3/file-3.txt/inside'), 'x');
  fs.writeFileSync(Buffer.concat([Buffer.from(at('not-utf8-')), Buffer.from([0xff])]), 'x');
  const { drift } = await store.verify();
  assert.deepEqual(drift, [
    { path: 'a/b/run', problem: 'mode' },
    { path: 'a/extra.txt', problem: 'extra' },
    { path: 'empty', problem: 'extra' },
    { path: 'index.html', problem: 'missing' },
    { path: 'link', problem: 'content' },
    { path: 'many/3/file-3.txt', problem: 'type' },
    { path: 'many/3/file-3.txt/inside', problem: 'extra' },
    { path: 'new/deep/file', problem: 'extra' },
    { path: 'not-utf8-�', problem: 'extra' },
    { path: 'z', problem: 'missing' },
  ]);
});

test('an emptied directory reports what is missing in it; at most 100 drifts are listed', async () => {
  fs.rmSync(at('z/only.txt'));
  assert.deepEqual((await store.verify()).drift, [{ path: 'z/only.txt', problem: 'missing' }]);
  for (let n = 0; n < 150; n++) fs.writeFileSync(at(`many/extra-${n}`), '');
  assert.equal((await store.verify()).drift.length, 100);
});

test('verification stops when asked to, and a node without a tree proves nothing', async () => {
  await assert.rejects(store.verify(AbortSignal.abort()), { code: 'ABORTED' });
  const elsewhere = makeRoot();
  const empty = await openKitStore(elsewhere);
  assert.deepEqual(await empty.verify(), {
    proof: { tree: null, scope: 'full', release: null },
    drift: [],
  });
  await empty.close();
  fs.rmSync(elsewhere, { recursive: true });
});
