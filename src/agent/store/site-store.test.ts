// The store's promises, call by call, on a real disk. Rule ids are those of docs/spec/staging.md.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { createSiteStore } from './create-site-store.ts';
import { createDisk } from './disk.ts';
import type { SiteStore } from './site-store.ts';
import {
  commandsBetween,
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
  kitAssignment,
  kitGrant,
  kitSite,
  makeRoot,
  openKitStore,
  receive,
  receiveAndStage,
  release,
} from './testing/site-kit.ts';

const nothing: ModelTree = new Map();
const first: ModelTree = new Map<string, ModelEntry>([
  ['index.html', modelFile('<h1>one</h1>', 1000)],
  ['css/site.css', modelFile('body { color: black }', 1000)],
  ['css/deep/er/x.css', modelFile('', 1000)],
  ['bin/run', modelFile('#!/bin/sh\n', 1000, '100755')],
  ['latest', modelLink('css/site.css', 1000)],
]);
const second: ModelTree = new Map<string, ModelEntry>([
  ['index.html', modelFile('<h1>two</h1>', 2000)],
  ['css', modelFile('now a file', 2000)],
  ['bin/run/now/a-directory', modelFile('x', 2000)],
  ['latest', modelLink('index.html', 2000)],
  ['copy.css', modelFile('body { color: black }', 2000)],
  ['with space "and" 🌍\n', modelFile('odd name', 2000)],
]);
const third: ModelTree = new Map([...second, ['index.html', modelFile('<h1>three</h1>', 3000)]]);

let root: string;
let store: SiteStore;

beforeEach(async () => {
  root = makeRoot();
  store = await openKitStore(root);
});

afterEach(async () => {
  await store.close();
  fs.rmSync(root, { recursive: true });
});

const live = () => path.join(root, kitSite, 'live');

async function publish(sequence: number, base: ModelTree, target: ModelTree): Promise<void> {
  await receiveAndStage(store, assignmentBetween(release(sequence), base, target));
  const outcome = await store.decide(decisionFor(release(sequence), modelTreeId(target)));
  assert.equal(outcome.outcome, 'switched');
}

function assertLive(tree: ModelTree): void {
  assert.deepEqual(readDisk(fs.realpathSync(live())), expectedOnDisk(tree));
  assert.equal(store.resolveLive()?.tree, modelTreeId(tree));
}

test('a new node has nothing; its first release is built from the empty tree and switched live', async () => {
  assert.deepEqual(store.holding(), {
    site: kitSite,
    live: null,
    backup: null,
    staged: null,
    lastDecision: null,
    executed: false,
  });
  assert.equal(store.resolveLive(), null);
  const proof = await receiveAndStage(store, assignmentBetween(release(1), nothing, first));
  assert.deepEqual(proof, { tree: modelTreeId(first), scope: 'changed', release: release(1) });
  assert.equal(fs.existsSync(live()), false, 'staging never touches live');
  assert.deepEqual(store.holding().staged, { release: release(1), tree: modelTreeId(first) });
  await store.decide(decisionFor(release(1), modelTreeId(first)));
  assertLive(first);
  assert.equal(fs.readlinkSync(live()), 'trees/1-0001');
});

test('releases follow each other, background ready or not; files become directories and back', async () => {
  await publish(1, nothing, first);
  await publish(2, first, second);
  assertLive(second);
  await publish(3, second, first);
  assertLive(first);
  await store.settle();
  await publish(4, first, third);
  assertLive(third);
  assert.equal(fs.readlinkSync(live()), 'trees/1-0004');
  await store.settle();
  const names = fs.readdirSync(path.join(root, kitSite, 'trees')).filter((name) => name !== '.work');
  assert.equal(names.length, 3, `three trees are kept: ${names}`);
  assert.deepEqual(fs.readdirSync(path.join(root, kitSite, 'inbox')), []);
});

test('STG-12: a rollback switches to the backup at once, and the next push starts from it', async () => {
  await publish(1, nothing, first);
  await publish(2, first, second);
  assert.deepEqual(store.holding().backup, { release: release(1), tree: modelTreeId(first) });
  const outcome = await store.decide(decisionFor(release(3), modelTreeId(first), 'rollback'));
  assert.deepEqual(outcome, {
    outcome: 'switched',
    proof: { tree: modelTreeId(first), scope: 'changed', release: release(3) },
  });
  assertLive(first);
  assert.deepEqual(store.holding().live, { release: release(3), tree: modelTreeId(first) });
  assert.deepEqual(store.holding().backup, { release: release(2), tree: modelTreeId(second) });
  await publish(4, first, third);
  assertLive(third);
});

test('STG-11: a decision is executed once, in order, and only with a trusted signature', async () => {
  await publish(1, nothing, first);
  await publish(2, first, second);
  const repeated = await store.decide(decisionFor(release(2), modelTreeId(second)));
  assert.equal(repeated.outcome, 'repeated');
  assert.equal((await store.decide(decisionFor(release(1), modelTreeId(first)))).outcome, 'outdated');
  const forged = { ...decisionFor(release(9), modelTreeId(first)), toTree: modelTreeId(third) };
  await assert.rejects(store.decide(forged), { code: 'DECISION_INVALID' });
  await assert.rejects(store.decide(decisionFor(release(2), modelTreeId(first))), {
    code: 'DECISION_INVALID',
  });
  assertLive(second);
});

test('STG-13: a decision for a tree not held is remembered, survives a restart, and is executed after staging', async () => {
  await publish(1, nothing, first);
  const decision = decisionFor(release(2), modelTreeId(second));
  assert.equal((await store.decide(decision)).outcome, 'stale');
  assert.equal((await store.decide(decision)).outcome, 'stale');
  await store.close();
  store = await openKitStore(root);
  assert.deepEqual(store.holding().lastDecision, decision);
  assert.equal(store.holding().executed, false);
  await receiveAndStage(store, assignmentBetween(release(2), first, second, { type: 'synchronize' }));
  assert.equal((await store.decide(decision)).outcome, 'switched');
  assertLive(second);
  assert.equal(store.holding().executed, true);
});

test('STG-41: a decision that comes signed anew is kept with its new signature, executed or not, also on a full disk', async () => {
  await store.close();
  const disk = createDisk();
  let isFull = false;
  const open = (path: string, flags: number, mode?: number): number => {
    if (isFull && path.includes('state.json')) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    return disk.open(path, flags, mode);
  };
  const reopen = () =>
    createSiteStore({ root, site: kitSite, grant: kitGrant, verifySignature: () => true }, { ...disk, open });
  const signed = (sequence: number, tree: ModelTree, signature: string) => ({
    ...decisionFor(release(sequence), modelTreeId(tree)),
    signature,
  });
  store = await reopen();
  await publish(1, nothing, first);
  const kept = () => store.holding().lastDecision?.signature;
  assert.equal((await store.decide(signed(1, first, 'b25l'))).outcome, 'repeated');
  assert.deepEqual([kept(), store.holding().executed], ['b25l', true]);
  isFull = true;
  assert.equal((await store.decide(signed(1, first, 'dHdv'))).outcome, 'repeated');
  assert.deepEqual([kept(), store.holding().executed], ['dHdv', true]);
  isFull = false;
  assert.equal((await store.decide(signed(2, second, 'dHdv'))).outcome, 'stale');
  assert.equal((await store.decide(signed(2, second, 'dHJl'))).outcome, 'stale');
  await assert.rejects(store.decide(signed(2, first, 'Zm91')), { code: 'DECISION_INVALID' });
  await store.close();
  store = await reopen();
  assert.deepEqual([kept(), store.holding().executed], ['dHJl', false]);
});

test('a decision for the tree that is live needs no switch and counts as executed', async () => {
  await publish(1, nothing, first);
  const outcome = await store.decide(decisionFor(release(2), modelTreeId(first)));
  assert.deepEqual(outcome, {
    outcome: 'switched',
    proof: { tree: modelTreeId(first), scope: 'changed', release: release(2) },
  });
  assert.equal(fs.readlinkSync(live()), 'trees/1-0001');
});

test('an abort undoes the staging, keeps live and backup, and the release can be staged again', async () => {
  await publish(1, nothing, first);
  await receiveAndStage(store, assignmentBetween(release(2), first, second));
  assert.equal(await store.abort(release(7)), false);
  assert.equal(await store.abort(release(2)), true);
  assert.equal(await store.abort(release(2)), false);
  assert.equal(store.holding().staged, null);
  await store.settle();
  assertLive(first);
  for (const name of fs.readdirSync(path.join(root, kitSite, 'trees'))) {
    if (name === '.work') continue;
    assert.deepEqual(readDisk(path.join(root, kitSite, 'trees', name)), expectedOnDisk(first), name);
  }
  await publish(2, first, third);
  assertLive(third);
});

test('staging the same release twice gives the same proof without work', async () => {
  const assignment = assignmentBetween(release(1), nothing, first);
  const proof = await receiveAndStage(store, assignment);
  assert.deepEqual(await receiveAndStage(store, assignment), proof);
});

test('JOB-14: a release that has to read live again first, for its directory objects were lost, tells that it is at work', async () => {
  await publish(1, nothing, first);
  await store.close();
  for (const suffix of ['', '-wal', '-shm']) {
    fs.rmSync(path.join(root, kitSite, `index.db${suffix}`), { force: true });
  }
  store = await openKitStore(root);
  const done: number[] = [];
  const entry = await receive(store, assignmentBetween(release(2), first, second));
  await store.stage(entry, new AbortController().signal, ({ commandsDone }) => done.push(commandsDone));
  assert.equal(done.filter((commands) => commands === 0).length, 3, 'once for each file that has contents');
  assert.ok(Number(done.at(-1)) > 0);
});

test('a newer release replaces one that was staged and not decided', async () => {
  await publish(1, nothing, first);
  await receiveAndStage(store, assignmentBetween(release(2), first, second));
  await publish(3, first, third);
  assertLive(third);
});

test('an empty tree can be published, and be the base of the next', async () => {
  await publish(1, nothing, first);
  await publish(2, first, nothing);
  assertLive(nothing);
  await publish(3, nothing, second);
  assertLive(second);
});

test('STG-4: an assignment from the empty tree replaces whatever is live, and rollback stays possible', async () => {
  await publish(1, nothing, first);
  await store.settle();
  await publish(2, nothing, third);
  assertLive(third);
  await store.settle();
  await store.decide(decisionFor(release(3), modelTreeId(first), 'rollback'));
  assertLive(first);
  await publish(4, first, second);
  assertLive(second);
  await store.settle();
  assertLive(second);
});

test('parts of a release are staged when the last one is in, in their order', async () => {
  const commands = commandsBetween(nothing, first);
  const part = (index: number, of: number, some: typeof commands) =>
    kitAssignment({
      release: release(1),
      baseTree: modelTreeId(nothing),
      targetTree: modelTreeId(first),
      commands: some,
      overrides: { part: { index, of } },
    });
  const { signal } = new AbortController();
  const late = await receive(store, part(2, 2, commands.slice(4)));
  assert.equal((await store.stage(late, signal)).tree, null);
  const early = await receive(store, part(1, 2, commands.slice(0, 4)));
  assert.equal((await store.stage(early, signal)).tree, modelTreeId(first));
  await store.decide(decisionFor(release(1), modelTreeId(first)));
  assertLive(first);
});

test('unchanged files are one inode in all trees; changed ones never share', async () => {
  await publish(1, nothing, first);
  await store.settle();
  const before = fs.statSync(path.join(live(), 'bin/run'));
  assert.equal(before.nlink, 3);
  const edited: ModelTree = new Map([...first, ['bin/run', modelFile('#!/bin/sh\n', 2000)]]);
  await publish(2, first, edited);
  const after = fs.statSync(path.join(live(), 'bin/run'));
  assert.notEqual(after.ino, before.ino, 'a mode change makes a new inode');
  assert.equal(fs.statSync(path.join(live(), 'css/site.css')).nlink, 3);
  assertLive(edited);
});

test('blob ids of published paths are answered from the directory objects', async () => {
  await publish(1, nothing, first);
  const tree = modelTreeId(first);
  assert.match(store.blobIdOf(tree, 'css/site.css') ?? '', /^[0-9a-f]{40}$/);
  assert.equal(store.blobIdOf(tree, 'css'), undefined);
  assert.equal(store.blobIdOf(tree, 'latest'), undefined);
  assert.equal(store.blobIdOf(tree, 'nowhere/at/all'), undefined);
  assert.equal(store.blobIdOf('1'.repeat(40), 'css/site.css'), undefined);
});
