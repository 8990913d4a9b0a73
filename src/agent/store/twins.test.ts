// Precompressed twins, call by call on a real disk: written into the staged tree, carried along, never left beside a changed file,
// no part of the tree (STG-20 to STG-23). Random histories are in site-store.property.test.ts.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { createDisk } from './disk.ts';
import type { SiteStore } from './site-store.ts';
import { type ModelTree, modelFile, modelTreeId } from './testing/model-tree.ts';
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
  ['css/deep/run', modelFile('run', 1000, '100755')],
  ['a.js', modelFile('a', 1000)],
]);
const edited = new Map([...one, ['index.html', modelFile('two', 2000)]]);

let root: string;
let store: SiteStore;
let sequence: number;
let live: ModelTree;

beforeEach(async () => {
  root = makeRoot();
  store = await openPublishedStore(root, one);
  sequence = 1;
  live = one;
});

afterEach(async () => {
  await store.close();
  fs.rmSync(root, { recursive: true });
});

const liveDirectory = () => fs.realpathSync(path.join(root, kitSite, 'live'));

function twinsBelow(directory: string): string[] {
  const names = fs.readdirSync(directory, { recursive: true }) as string[];
  return names.filter((name) => /\.(gz|br|zst)$/.test(name)).sort();
}

async function stage(target: ModelTree, twins: Record<string, string> = {}): Promise<void> {
  await receiveAndStage(store, assignmentBetween(release(++sequence), live, target));
  await write(twins);
}

async function write(twins: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(twins)) {
    const suffix = path.extname(name) as '.gz' | '.br' | '.zst';
    await store.writeTwin(release(sequence), name.slice(0, -suffix.length), suffix, Buffer.from(text));
  }
  await store.sealTwins(release(sequence));
}

async function publish(target: ModelTree, twins: Record<string, string> = {}): Promise<void> {
  await stage(target, twins);
  await store.decide(decisionFor(release(sequence), modelTreeId(target)));
  live = target;
}

async function assertLive(expected: readonly string[]): Promise<void> {
  assert.deepEqual(twinsBelow(liveDirectory()), expected);
  const { proof, drift } = await store.verify();
  assert.deepEqual([proof.tree, drift], [modelTreeId(live), []]);
}

test('STG-20: a twin lies beside its file with its mode and time, and is no part of the tree', async () => {
  await stage(edited, { 'index.html.gz': 'gz', 'css/deep/run.br': 'br' });
  const staged = store.resolveStaged()?.directory ?? '';
  for (const [file, twin] of [
    ['index.html', 'index.html.gz'],
    ['css/deep/run', 'css/deep/run.br'],
  ] as const) {
    const [a, b] = [fs.statSync(path.join(staged, file)), fs.statSync(path.join(staged, twin))];
    assert.deepEqual([a.mode, a.mtimeMs], [b.mode, b.mtimeMs]);
  }
  assert.deepEqual(twinsBelow(liveDirectory()), [], 'live is not touched');
  await store.decide(decisionFor(release(2), modelTreeId(edited)));
  live = edited;
  await assertLive(['css/deep/run.br', 'index.html.gz']);
});

test('STG-20: what is not sealed is not there; the same twin again is no work', async () => {
  await stage(edited, { 'a.js.gz': 'one' });
  const staged = store.resolveStaged()?.directory ?? '';
  const { ino } = fs.statSync(path.join(staged, 'a.js.gz'));
  await write({ 'a.js.gz': 'one' });
  assert.equal(fs.statSync(path.join(staged, 'a.js.gz')).ino, ino);
  await write({ 'a.js.gz': 'two' });
  assert.equal(fs.readFileSync(path.join(staged, 'a.js.gz'), 'utf8'), 'two');
  await store.writeTwin(release(2), 'index.html', '.gz', Buffer.from('x'));
  assert.deepEqual(twinsBelow(staged), ['a.js.gz']);
  await store.decide(decisionFor(release(2), modelTreeId(edited)));
  live = edited;
  await assertLive(['a.js.gz']);
  assert.deepEqual(fs.readdirSync(path.join(root, kitSite, 'trees', '.work')), []);
});

test('STG-20: refused: another release, no file of the tree, a name the tree has or a file cannot have', async () => {
  const long = 'x'.repeat(253);
  const target = new Map([...one, ['a.js.gz', modelFile('own', 1000)], [long, modelFile('', 1000)]]);
  const bytes = Buffer.from('x');
  await assert.rejects(store.writeTwin(release(1), 'a.js', '.gz', bytes), { code: 'STAGE_FAILED' });
  await stage(target);
  for (const [at, file, suffix, message] of [
    [3, 'index.html', '.gz', /not staged/],
    [2, 'css', '.gz', /no file/],
    [2, 'nowhere/at/all', '.gz', /no file/],
    [2, '../../../state.json', '.gz', /no file/],
    [2, 'a.js', '.gz', /has a\.js\.gz itself/],
    [2, long, '.gz', /too long/],
    [2, 'index.html', '.exe' as '.gz', /no suffix/],
  ] as const) {
    await assert.rejects(store.writeTwin(release(at), file, suffix, bytes), {
      code: 'STAGE_FAILED',
      message,
    });
  }
  await store.writeTwin(release(2), 'a.js', '.br', bytes);
  await store.sealTwins(release(2));
  assert.deepEqual(twinsBelow(store.resolveStaged()?.directory ?? ''), ['a.js.br', 'a.js.gz']);
});

test('STG-21, STG-22: twins of unchanged files stay through releases and the background, those of changed files go', async () => {
  await publish(one, { 'index.html.gz': '1', 'index.html.br': '2', 'css/site.css.zst': '3', 'a.js.gz': '4' });
  await assertLive(['a.js.gz', 'css/site.css.zst', 'index.html.br', 'index.html.gz']);
  for (const settle of [true, false, true]) {
    if (settle) await store.settle();
    await publish(new Map([...edited, ['serial', modelFile(`${sequence}`, sequence)]]));
    await assertLive(['a.js.gz', 'css/site.css.zst']);
  }
  await store.settle();
  const trees = path.join(root, kitSite, 'trees');
  const kept = fs.readdirSync(trees).filter((name) => name !== '.work');
  const all = kept.map((name) => twinsBelow(path.join(trees, name)).join());
  assert.deepEqual(all, Array(3).fill('a.js.gz,css/site.css.zst'));
  assert.equal(fs.statSync(path.join(liveDirectory(), 'a.js.gz')).nlink, 3);
});

test('STG-21: copies, modes, links, removals, directories in place of files: no twin is left behind', async () => {
  const twins = { 'index.html.gz': '1', 'css/site.css.gz': '2', 'css/deep/run.gz': '3', 'a.js.br': '4' };
  await publish(one, twins);
  await store.settle();
  await publish(
    new Map([
      ['index.html', modelFile('one', 3000, '100755')],
      ['css', modelFile('a file', 3000)],
      ['a.js/now/a-directory', modelFile('a', 3000)],
      ['a.js.br/too', modelFile('a', 3000)],
    ]),
  );
  await assertLive(['a.js.br']);
  await store.settle();
  await publish(one);
  await assertLive([]);
  await store.settle();
  await store.decide(decisionFor(release(++sequence), store.holding().backup?.tree ?? '', 'rollback'));
  assert.deepEqual((await store.verify()).drift, []);
});

test('STG-21: the file of the author wins over a twin of its name, and may have twins of its own', async () => {
  await publish(one, { 'a.js.gz': 'twin', 'a.js.br': 'twin' });
  await store.settle();
  await publish(new Map([...one, ['a.js.gz', modelFile('author', 2000)]]), { 'a.js.gz.br': 'twice' });
  await assertLive(['a.js.br', 'a.js.gz', 'a.js.gz.br']);
  assert.equal(fs.readFileSync(path.join(liveDirectory(), 'a.js.gz'), 'utf8'), 'author');
  await store.settle();
  await publish(one);
  await assertLive(['a.js.br']);
});

test('STG-22: rolling back and switching back bring the tree’s own twins; an abort leaves none', async () => {
  await publish(one, { 'index.html.gz': 'of one' });
  await publish(edited, { 'index.html.gz': 'of two', 'a.js.gz': 'new' });
  const decision = decisionFor(release(sequence), modelTreeId(edited));
  await store.switchBack(decision);
  live = one;
  await assertLive(['index.html.gz']);
  assert.equal(fs.readFileSync(path.join(liveDirectory(), 'index.html.gz'), 'utf8'), 'of one');
  await store.decide(decision);
  live = edited;
  await assertLive(['a.js.gz', 'index.html.gz']);
  await store.settle();
  await stage(one, { 'a.js.zst': 'x' });
  await store.abort(release(sequence));
  await store.settle();
  await publish(new Map([...edited, ['more', modelFile('x', 1)]]));
  await assertLive(['a.js.gz', 'index.html.gz']);
});

test('STG-22: twins of many unchanged files reach the other trees by a kept list of paths', async () => {
  const many = new Map([
    ...one,
    ...Array.from({ length: 90 }, (_, n) => [`f${n}`, modelFile(`${n}`, 1)] as const),
  ]);
  await publish(many);
  await store.settle();
  const twins = Object.fromEntries(Array.from({ length: 90 }, (_, n) => [`f${n}.gz`, `${n}`]));
  const next = new Map([...many, ['index.html', modelFile('two', 2000)]]);
  await publish(next, twins);
  const kept = () => fs.readdirSync(path.join(root, kitSite, 'inbox')).map((name) => path.extname(name));
  assert.ok(kept().includes('.paths'));
  await store.close();
  store = await openKitStore(root);
  await store.settle();
  const last = new Map([...next, ['f7', modelFile('new', 3000)]]);
  await publish(last);
  await assertLive(
    Object.keys(twins)
      .filter((name) => name !== 'f7.gz')
      .sort(),
  );
  await store.settle();
  await publish(new Map([...last, ['f8', modelFile('new', 4000)]]));
  await store.settle();
  assert.deepEqual(kept(), []);
});

test('STG-23: a changed twin, a missing one and one that nobody recorded are drift, each with its path', async () => {
  await publish(one, {
    'index.html.gz': '1',
    'css/site.css.gz': '2',
    'css/deep/run.gz': '3',
    'a.js.gz': '4',
  });
  const at = (name: string) => path.join(liveDirectory(), name);
  fs.writeFileSync(at('index.html.gz'), 'X');
  fs.rmSync(at('css/site.css.gz'));
  fs.writeFileSync(at('a.js.br'), 'foreign');
  fs.chmodSync(at('css/deep/run.gz'), 0o644);
  fs.rmSync(at('a.js.gz'));
  fs.symlinkSync('elsewhere', at('a.js.gz'));
  const { drift } = await store.verify();
  assert.deepEqual(drift, [
    { path: 'a.js.br', problem: 'extra' },
    { path: 'a.js.gz', problem: 'type' },
    { path: 'css/deep/run.gz', problem: 'mode' },
    { path: 'css/site.css.gz', problem: 'missing' },
    { path: 'index.html.gz', problem: 'content' },
  ]);
});

for (const lost of [['twins.db'], ['index.db'], ['twins.db', 'index.db'], ['state.json']]) {
  test(`STG-23: without ${lost.join(' and ')} the twins are known again, and go on as before`, async () => {
    await publish(one, { 'index.html.gz': '1', 'css/site.css.gz': '2' });
    await publish(new Map([...one, ['a.js', modelFile('new', 2)]]), { 'a.js.gz': '3' });
    await store.close();
    for (const name of lost) {
      for (const suffix of ['', '-wal', '-shm'])
        fs.rmSync(path.join(root, kitSite, name + suffix), { force: true });
    }
    store = await openKitStore(root);
    assert.equal(store.live()?.tree, modelTreeId(live));
    await assertLive(['a.js.gz', 'css/site.css.gz', 'index.html.gz']);
    await publish(new Map([...live, ['index.html', modelFile('three', 3)]]));
    await assertLive(['a.js.gz', 'css/site.css.gz']);
    await store.settle();
    await publish(new Map([...live, ['css/site.css', modelFile('three', 3)]]));
    await assertLive(['a.js.gz']);
  });
}

for (const [what, from] of [
  ['nothing', 4_096],
  ['a part', 16_384],
] as const) {
  test(`STG-23: a twins.db of which ${what} can be read is made anew while it is used, and the release is staged`, async () => {
    const many: ModelTree = new Map(
      Array.from({ length: 500 }, (_, n) => [`pages/${n}.html`, modelFile(`page ${n}`, 1)] as const),
    );
    await publish(many, Object.fromEntries([...many.keys()].map((name) => [`${name}.gz`, name])));
    await store.settle();
    const file = path.join(root, kitSite, 'twins.db');
    const spoil = async (): Promise<void> => {
      await store.close();
      store = await openKitStore(root);
      const { size } = fs.statSync(file);
      assert.ok(size > 2 * from, `${size} bytes`);
      const fd = fs.openSync(file, 'r+');
      fs.writeSync(fd, Buffer.alloc(size - from, 0xff), 0, size - from, from);
      fs.closeSync(fd);
    };
    await spoil();
    await publish(new Map([...many, ['pages/7.html', modelFile('edited', 2)]]));
    const left = [...many.keys()].map((name) => `${name}.gz`).filter((name) => name !== 'pages/7.html.gz');
    await assertLive(left.sort());
    await store.settle();
    await spoil();
    await assertLive(left);
  });
}

test('STG-15, STG-20: a crash anywhere while twins are put in place leaves the release unstaged, or with none or all of them', async () => {
  let finished = false;
  for (let crashAt = 0; !finished; crashAt++) {
    await store.close();
    let left = Number.POSITIVE_INFINITY;
    const disk = createDisk(() => {
      if (left-- <= 0) throw new Error('crashed');
    });
    store = await openKitStore(root, disk);
    await receiveAndStage(store, assignmentBetween(release(++sequence), one, edited));
    await store.writeTwin(release(sequence), 'index.html', '.gz', Buffer.from('two'));
    await store.writeTwin(release(sequence), 'a.js', '.gz', Buffer.from('a'));
    left = crashAt;
    finished = await store.sealTwins(release(sequence)).then(
      () => true,
      () => false,
    );
    if (!finished) assert.equal(store.resolveStaged(), null);
    await store.close();
    store = await openKitStore(root);
    const staged = store.resolveStaged();
    if (staged) {
      const found = twinsBelow(staged.directory).join();
      assert.ok(found === 'a.js.gz,index.html.gz' || (found === '' && !finished), found);
    } else {
      await store.settle();
      assert.deepEqual(twinsBelow(path.join(root, kitSite, 'trees')), [], 'undone');
    }
  }
  await store.decide(decisionFor(release(sequence), modelTreeId(edited)));
  live = edited;
  await assertLive(['a.js.gz', 'index.html.gz']);
});

test('STG-35 STG-36 a twin that was changed comes from another tree of the node; one that nobody has right goes', async () => {
  await publish(one, { 'index.html.gz': 'packed' });
  await store.settle();
  const never = new AbortController().signal;
  const twin = () => path.join(liveDirectory(), 'index.html.gz');
  const drifted = [{ path: 'index.html.gz', problem: 'content' }] as const;
  fs.rmSync(twin());
  fs.writeFileSync(twin(), 'foreign', { mode: 0o644 });
  assert.deepEqual(await store.check(['index.html.gz'], never), drifted);
  assert.deepEqual(await store.mend(drifted, never), []);
  assert.equal(fs.readFileSync(twin(), 'utf8'), 'packed');
  assert.deepEqual((await store.verify()).drift, []);
  // In the inode that all trees share.
  fs.writeFileSync(twin(), 'spoilt');
  assert.deepEqual(await store.mend(drifted, never), []);
  assert.equal(fs.existsSync(twin()), false);
  await store.settle();
  assert.deepEqual((await store.verify()).drift, []);
  await publish(edited);
  assert.deepEqual((await store.verify()).drift, []);
});
