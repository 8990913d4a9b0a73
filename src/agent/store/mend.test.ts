// N44 X17: whatever is done to the files of a node's live tree is found with its path and put right, and nothing else is touched.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { DriftPolicy } from '../../model/site.ts';
import { createDisk } from './disk.ts';
import type { Drift, SiteStore } from './site-store.ts';
import { createSpaceLedger } from './space-ledger.ts';
import {
  commandsBetween,
  type ModelEntry,
  type ModelTree,
  modelFile,
  modelLink,
  modelTreeId,
} from './testing/model-tree.ts';
import {
  assignmentBetween,
  decisionFor,
  kitAssignment,
  kitGrant,
  kitSite,
  makeRoot,
  openKitStore,
  openPublishedStore,
  receive,
  receiveAndStage,
  release,
} from './testing/site-kit.ts';

const large = Buffer.alloc(700_000, 'large ');
const tree: ModelTree = new Map<string, ModelEntry>([
  ['index.html', modelFile('<h1>one</h1>', 1000)],
  ['a/b/c.txt', modelFile('c', 1001)],
  ['a/b/run', modelFile('#!/bin/sh\n', 1002, '100755')],
  ['a/large.bin', modelFile(large, 1003)],
  ['link', modelLink('a/b/c.txt', 1004)],
  ['z/only.txt', modelFile('only', 1005)],
  ['z/deep/er/one.txt', modelFile('one', 1006)],
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
const at = (name: string) => path.join(live(), name);

function follow(drift: Partial<DriftPolicy>): void {
  const policy = { action: 'repair', extra: 'report', ignore: [], ...drift } as const;
  store.updateGrant({ ...kitGrant, policy: { ...kitGrant.policy, drift: policy } });
}

async function suspects(after: string | null = null): Promise<string[]> {
  const found: string[] = [];
  for await (const visit of store.walk({ after, onRead: () => undefined, signal: never })) {
    if (visit.isSuspect) found.push(visit.path);
  }
  return found;
}

async function found(): Promise<readonly Drift[]> {
  return store.check(await suspects(), never);
}

/** As an editor saves: a new file takes the name. */
function replace(name: string, text: string | Buffer): void {
  fs.rmSync(at(name), { recursive: true });
  fs.writeFileSync(at(name), text);
}

/** In the inode that all trees share, time and size as before. */
function flip(name: string, position: number): void {
  const { atime, mtime } = fs.statSync(at(name));
  const fd = fs.openSync(at(name), 'r+');
  const byte = Buffer.alloc(1);
  fs.readSync(fd, byte, 0, 1, position);
  fs.writeSync(fd, Buffer.from([byte.readUInt8(0) ^ 1]), 0, 1, position);
  fs.closeSync(fd);
  fs.utimesSync(at(name), atime, mtime);
}

function assertAsPublished(): void {
  for (const [name, entry] of tree) {
    const stat = fs.lstatSync(at(name));
    assert.equal(stat.mtimeMs, entry.mtime * 1000, `${name} has its time`);
    if (entry.mode === '120000') assert.equal(fs.readlinkSync(at(name)), String(entry.bytes));
    else {
      assert.deepEqual(fs.readFileSync(at(name)), entry.bytes, name);
      assert.equal(stat.mode & 0o7777, entry.mode === '100755' ? 0o755 : 0o644, name);
    }
  }
}

test('STG-33 N44 an untouched tree has nothing suspect, wherever the walk is taken up', async () => {
  assert.deepEqual(await suspects(), []);
  const order: string[] = [];
  for await (const visit of store.walk({ after: null, onRead: () => undefined, signal: never }))
    order.push(visit.path);
  assert.equal(new Set(order).size, order.length);
  for (const [index, after] of order.entries()) {
    const rest: string[] = [];
    for await (const visit of store.walk({ after, onRead: () => undefined, signal: never }))
      rest.push(visit.path);
    assert.deepEqual(rest, order.slice(index + 1), `after ${JSON.stringify(after)}`);
  }
});

test('STG-35 N44 what was replaced, deleted, or has another type or mode is put right from another tree of the node', async () => {
  replace('index.html', 'edited');
  fs.rmSync(at('z/only.txt'));
  fs.rmSync(at('z/deep'), { recursive: true });
  fs.chmodSync(at('a/b/run'), 0o600);
  fs.chmodSync(at('a/b'), 0o700);
  fs.chmodSync(live(), 0o711);
  fs.rmSync(at('link'));
  fs.symlinkSync('elsewhere', at('link'));
  fs.rmSync(at('a/large.bin'));
  execFileSync('mkfifo', [at('a/large.bin')]);
  const drift = await found();
  assert.deepEqual(drift, [
    { path: '.', problem: 'mode' },
    { path: 'a/b', problem: 'mode' },
    { path: 'a/b/run', problem: 'mode' },
    { path: 'a/large.bin', problem: 'type' },
    { path: 'index.html', problem: 'content' },
    { path: 'link', problem: 'content' },
    { path: 'z/deep', problem: 'missing' },
    { path: 'z/deep/er', problem: 'missing' },
    { path: 'z/deep/er/one.txt', problem: 'missing' },
    { path: 'z/only.txt', problem: 'missing' },
  ]);
  assert.deepEqual(await store.mend(drift, never), []);
  assertAsPublished();
  assert.equal(fs.statSync(live()).mode & 0o777, 0o755);
  const { proof, drift: left } = await store.verify();
  assert.deepEqual([proof.tree, left], [modelTreeId(tree), []]);
});

test('STG-35 a directory replaced by a symlink out of the tree is made anew; nothing is written behind the link', async () => {
  const elsewhere = fs.mkdtempSync(path.join(root, 'elsewhere-'));
  fs.mkdirSync(path.join(elsewhere, 'b'));
  fs.writeFileSync(path.join(elsewhere, 'b/c.txt'), 'mine');
  fs.rmSync(at('a'), { recursive: true });
  fs.symlinkSync(elsewhere, at('a'));
  assert.deepEqual(await store.mend(await found(), never), []);
  assertAsPublished();
  assert.equal(fs.readFileSync(path.join(elsewhere, 'b/c.txt'), 'utf8'), 'mine');
  assert.deepEqual(fs.readdirSync(elsewhere), ['b']);
});

test('STG-35 a directory in place of a file, and a file in place of a directory', async () => {
  fs.rmSync(at('index.html'));
  fs.mkdirSync(at('index.html/deep'), { recursive: true });
  fs.writeFileSync(at('index.html/deep/x'), 'x');
  fs.rmSync(at('z'), { recursive: true });
  fs.writeFileSync(at('z'), 'a file');
  assert.deepEqual(await store.mend(await found(), never), []);
  assertAsPublished();
});

test('STG-33 STG-37 X17 a bit flipped in the shared inode, size and time kept: only what is sent puts it right, in every tree', async () => {
  flip('a/large.bin', 350_001);
  flip('index.html', 2);
  const drift = await found();
  assert.deepEqual(drift, [
    { path: 'a/large.bin', problem: 'content' },
    { path: 'index.html', problem: 'content' },
  ]);
  assert.deepEqual(await store.mend(drift, never), drift, 'no tree here has the right bytes');
  const neighbour = fs.statSync(at('a/b/c.txt')).ino;
  assert.deepEqual(
    await store.restore(await receive(store, contentsOf(['a/large.bin', 'index.html'])), drift, never),
    [],
  );
  assertAsPublished();
  assert.equal(fs.statSync(at('a/b/c.txt')).ino, neighbour, 'no other path is touched');
  assert.deepEqual(fs.readdirSync(path.join(root, kitSite, 'trees/.work')), []);
  await store.settle();
  for (const name of fs.readdirSync(path.join(root, kitSite, 'trees'))) {
    if (name === '.work') continue;
    assert.equal(
      fs.readFileSync(path.join(root, kitSite, 'trees', name, 'index.html'), 'utf8'),
      '<h1>one</h1>',
      name,
    );
  }
});

test('STG-34 §6 a repair is on the lag of every tree: the next publish and a rollback have the right bytes too', async () => {
  const second: ModelTree = new Map([...tree, ['new.txt', modelFile('new', 2000)]]);
  await receiveAndStage(store, assignmentBetween(release(2), tree, second));
  await store.decide(decisionFor(release(2), modelTreeId(second)));
  flip('index.html', 2);
  const drift = await found();
  const sent = contentsOf(['index.html'], second, 2);
  assert.deepEqual(await store.restore(await receive(store, sent), drift, never), []);
  const third: ModelTree = new Map([...second, ['third.txt', modelFile('third', 3000)]]);
  await receiveAndStage(store, assignmentBetween(release(3), second, third));
  const back = decisionFor(release(4), modelTreeId(tree), 'rollback');
  assert.equal((await store.decide(back)).outcome, 'switched');
  assertAsPublished();
  assert.deepEqual((await store.verify()).drift, []);
});

test('STG-37 contents with other bytes than the tree has are not taken, whoever signed them', async () => {
  flip('index.html', 2);
  const drift = await found();
  const lie: ModelTree = new Map([...tree, ['index.html', modelFile('a lie', 1000)]]);
  const sent = contentsOf(['index.html'], lie, 1, modelTreeId(tree));
  assert.deepEqual(await store.restore(await receive(store, sent), drift, never), drift);
  await assert.rejects(receive(store, contentsOf(['index.html'], lie)), { code: 'BASE_MISMATCH' });
  await assert.rejects(receiveAndStage(store, sent), { code: 'ASSIGNMENT_MALFORMED' });
});

test('N39 STG-37 a repair, done, refused or stopped, keeps neither its claim on space nor its inbox; nor does a store that is closed', async () => {
  const ledger = createSpaceLedger();
  await store.close();
  store = await openKitStore(root, undefined, kitGrant, ledger);
  const inbox = () =>
    fs.readdirSync(path.join(root, kitSite, 'inbox')).filter((name) => !name.startsWith('kept'));
  const before = inbox();
  for (const stop of [false, true]) {
    flip('index.html', 2);
    const drift = await found();
    const entry = await receive(store, contentsOf(['index.html']));
    assert.equal(ledger.claims.size, 1);
    const repair = store.restore(entry, drift, stop ? AbortSignal.abort() : never);
    if (stop) await assert.rejects(repair, { code: 'ABORTED' });
    else assert.deepEqual(await repair, []);
    assert.deepEqual([ledger.claims.size, inbox()], [0, before], stop ? 'stopped' : 'done');
  }
  const refused = await store.openInbox(contentsOf(['index.html']).manifest);
  await assert.rejects(store.restore(refused, [], never), { code: 'BUG' });
  assert.deepEqual([ledger.claims.size, inbox()], [0, before], 'refused');
  await store.openInbox(contentsOf(['index.html']).manifest);
  assert.equal(ledger.claims.size, 1);
  await store.close();
  assert.equal(ledger.claims.size, 0, 'closed');
});

test('STG-36 N44 what is no part of the tree is reported; removed only by policy, with what is ignored left alone', async () => {
  fs.writeFileSync(at('a/extra.txt'), 'x');
  fs.mkdirSync(at('new/deep'), { recursive: true });
  fs.writeFileSync(at('new/deep/file'), 'x');
  fs.mkdirSync(at('new/uploads'));
  fs.writeFileSync(at('new/uploads/mine.jpg'), 'mine');
  fs.mkdirSync(at('empty/er'), { recursive: true });
  fs.symlinkSync('/etc', at('z/etc'));
  fs.symlinkSync('nowhere', at('dangling'));
  follow({ ignore: ['new/uploads/**'] });
  const drift = await found();
  assert.deepEqual(drift, [
    { path: 'a/extra.txt', problem: 'extra' },
    { path: 'dangling', problem: 'extra' },
    { path: 'empty/er', problem: 'extra' },
    { path: 'new/deep/file', problem: 'extra' },
    { path: 'z/etc', problem: 'extra' },
  ]);
  assert.deepEqual(await store.mend(drift, never), drift, 'report is the default');
  follow({ extra: 'remove', ignore: ['new/uploads/**'] });
  assert.deepEqual(await store.mend(drift, never), []);
  assert.deepEqual(await found(), []);
  assert.deepEqual(fs.readdirSync(at('')).sort(), ['a', 'index.html', 'link', 'new', 'z']);
  assert.deepEqual(fs.readdirSync(at('new')), ['uploads']);
  assert.equal(fs.readFileSync(at('new/uploads/mine.jpg'), 'utf8'), 'mine');
});

test('N44 an ignored path of the tree is neither reported nor mended', async () => {
  follow({ ignore: ['z/**', '*.html'] });
  replace('index.html', 'mine');
  fs.rmSync(at('z'), { recursive: true });
  assert.deepEqual(await found(), []);
});

test('STG-35 an edit that goes on through an open handle hits an inode that no tree has any more', async () => {
  const fd = fs.openSync(at('index.html'), 'r+');
  fs.writeSync(fd, 'XXXX', 0);
  const drift = await found();
  await store.restore(await receive(store, contentsOf(['index.html'])), drift, never);
  fs.writeSync(fd, 'still here', 0);
  fs.closeSync(fd);
  assertAsPublished();
});

test('STG-35 another file that is hard-linked into the tree keeps its bytes, mode and owner', async () => {
  const foreign = path.join(root, 'foreign');
  fs.writeFileSync(foreign, 'only', { mode: 0o600 });
  fs.rmSync(at('z/only.txt'));
  fs.linkSync(foreign, at('z/only.txt'));
  const drift = await found();
  assert.deepEqual(drift, [{ path: 'z/only.txt', problem: 'mode' }]);
  assert.deepEqual(await store.mend(drift, never), []);
  assert.equal(fs.statSync(foreign).mode & 0o777, 0o600);
  assert.equal(fs.statSync(at('z/only.txt')).mode & 0o777, 0o644);
  assert.equal(fs.statSync(foreign).nlink, 1);
});

test('STG-34 a crash before any effect of a repair leaves a site that is mended the next time, and published to', async () => {
  const second: ModelTree = new Map([...tree, ['index.html', modelFile('two', 2000)]]);
  let effects = 1;
  for (let crashAt = 1; crashAt <= effects; crashAt++) {
    const home = makeRoot();
    let count = 0;
    let armed = false;
    const disk = createDisk(() => {
      if (armed && ++count === crashAt) throw new Error('crash');
    });
    const crashing = await openPublishedStore(home, tree, disk);
    const file = path.join(home, kitSite, 'live', 'index.html');
    fs.rmSync(file);
    fs.writeFileSync(file, 'edited');
    fs.chmodSync(path.join(home, kitSite, 'live', 'a/b/run'), 0o700);
    const paths = ['index.html', 'a/b/run'];
    const drift = await crashing.check(paths, never);
    assert.equal(drift.length, 2);
    armed = true;
    const end = await crashing.mend(drift, never).then(
      () => 'done',
      () => 'crashed',
    );
    effects = Math.max(effects, end === 'crashed' ? crashAt + 1 : count);
    await crashing.close().catch(() => undefined);

    const store = await openKitStore(home);
    // The other trees may lag by these paths now: then they are asked for, not taken from there.
    const here = await store.mend(await store.check(paths, never), never);
    const sent = await receive(store, contentsOf(['index.html']));
    assert.deepEqual(await store.restore(sent, here, never), [], `effect ${crashAt}`);
    const { proof, drift: left } = await store.verify();
    assert.deepEqual([proof.tree, left], [modelTreeId(tree), []], `effect ${crashAt}`);
    await receiveAndStage(store, assignmentBetween(release(2), tree, second));
    await store.decide(decisionFor(release(2), modelTreeId(second)));
    assert.deepEqual((await store.verify()).drift, [], `effect ${crashAt}`);
    await store.close();
    fs.rmSync(home, { recursive: true });
  }
  assert.ok(effects > 8, `${effects} effects`);
});

/** What the CCM sends for these paths. */
function contentsOf(names: readonly string[], from = tree, sequence = 1, id = modelTreeId(from)) {
  const wanted = new Map(names.map((name) => [name, from.get(name) as ModelEntry]));
  const commands = commandsBetween(new Map(), wanted);
  return kitAssignment({
    release: release(sequence),
    baseTree: id,
    targetTree: id,
    commands,
    overrides: { type: 'restore' },
  });
}

test('STG-34 N21 a changed policy of modes reaches every tree, its own directory too; they share what they shared', async () => {
  const edited = new Map([...tree, ['index.html', modelFile('two', 2000)]]);
  const policy = { ...kitGrant.policy, fileMode: '640', directoryMode: '750' };
  store.updateGrant({ ...kitGrant, policy });
  const drift = await found();
  assert.deepEqual(await store.mend(drift, never), []);
  await store.settle();
  const trees = path.join(root, kitSite, 'trees');
  const names = fs.readdirSync(trees).filter((name) => !name.startsWith('.'));
  const facts = names.map((name) => {
    const { ino, mode } = fs.statSync(path.join(trees, name, 'z/only.txt'));
    return [ino, mode & 0o7777, fs.statSync(path.join(trees, name)).mode & 0o7777].join(' ');
  });
  assert.ok(names.length > 1);
  assert.deepEqual([...new Set(facts)], [`${fs.statSync(at('z/only.txt')).ino} ${0o640} ${0o750}`]);
  await receiveAndStage(store, assignmentBetween(release(2), tree, edited));
  await store.decide(decisionFor(release(2), modelTreeId(edited)));
  assert.deepEqual((await store.verify()).drift, []);
});
