// Kept assets on real trees: what stays reachable and for how long (X15), and that nothing outside is ever touched.

import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import type { PathChange, SwitchEvent, TreeOnNode } from '../api/hooks.ts';
import type { PluginLog } from '../api/plugin-host.ts';
import { createKeptAssets, type KeptAssets, keptAssetsSchema } from './kept-assets.ts';

type Files = Readonly<Record<string, string>>;

const base = mkdtempSync(join(tmpdir(), 'treecast-kept-'));
after(() => rmSync(base, { recursive: true, force: true }));
const log: PluginLog = { debug() {}, info() {}, warn() {}, error() {} };
let site = '';
let state = '';
let count = 0;
let sequence = 0;
beforeEach(() => {
  count += 1;
  sequence = 0;
  site = join(base, `docs-${count}`);
  state = join(base, `state-${count}`, 'nginx');
  mkdirSync(state, { recursive: true });
});

function write(root: string, files: Files): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

function tree(files: Files): TreeOnNode & { files: Files } {
  sequence += 1;
  const release = `1-${String(sequence).padStart(4, '0')}`;
  const directory = join(site, 'trees', release);
  mkdirSync(directory, { recursive: true });
  write(directory, files);
  return { tree: 'a'.repeat(40), release, directory, files };
}

function switchEvent(from: ReturnType<typeof tree>, to: ReturnType<typeof tree>, known = true): SwitchEvent {
  const changes: PathChange[] = [];
  for (const path of Object.keys(from.files))
    if (!(path in to.files)) changes.push({ path, kind: 'deleted', before: 'b', after: null });
  return {
    site: 'docs',
    directory: site,
    liveLink: join(site, 'live'),
    kind: 'publish',
    from,
    to,
    changes: () => Promise.resolve(known ? changes : null),
  };
}

const make = (releases: number): KeptAssets =>
  createKeptAssets({ ...keptAssetsSchema.parse({ releases }), stateDirectory: state, log });
const keptPaths = (): string[] => {
  const root = join(site, 'kept', 'nginx');
  return existsSync(root)
    ? readdirSync(root, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
        .sort()
    : [];
};

for (const known of [true, false]) {
  test(`an asset stays for the last releases and goes then (changes ${known ? 'known' : 'not known'})`, async () => {
    const assets = make(2);
    const trees = [1, 2, 3, 4, 5, 6].map((n) =>
      tree({ 'index.html': `${n}`, [`assets/app-${n}.js`]: `app ${n}`, 'assets/same.css': 's' }),
    );
    const reachable: string[][] = [];
    for (const [index, to] of trees.entries()) {
      const from = trees[index - 1];
      if (!from) continue;
      await assets.keep(switchEvent(from, to, known));
      reachable.push(keptPaths());
    }
    assert.deepEqual(reachable, [
      ['assets/app-1.js'],
      ['assets/app-1.js', 'assets/app-2.js'],
      // One release longer than promised: whether this one becomes live is not known yet.
      ['assets/app-1.js', 'assets/app-2.js', 'assets/app-3.js'],
      ['assets/app-2.js', 'assets/app-3.js', 'assets/app-4.js'],
      ['assets/app-3.js', 'assets/app-4.js', 'assets/app-5.js'],
    ]);
  });
}

test('a kept file is the same inode with its twins, readable for everybody, and outlives its tree', async () => {
  const assets = make(2);
  const from = tree({ 'assets/deep/a.js': 'old', 'page.html': 'p' });
  write(from.directory, { 'assets/deep/a.js.gz': 'twin', 'assets/deep/a.js.br': 'twin' });
  const to = tree({ 'page.html': 'p' });
  const umask = process.umask(0o077);
  try {
    assert.deepEqual(await assets.keep(switchEvent(from, to)), { kept: 1, dropped: 0 });
  } finally {
    process.umask(umask);
  }
  const directory = assets.directoryOf({ directory: site });
  assert.equal(
    statSync(join(directory, 'assets/deep/a.js')).ino,
    statSync(join(from.directory, 'assets/deep/a.js')).ino,
  );
  assert.deepEqual(keptPaths(), ['assets/deep/a.js', 'assets/deep/a.js.br', 'assets/deep/a.js.gz']);
  for (const path of ['', 'assets', 'assets/deep', '..'])
    assert.equal(statSync(join(directory, path)).mode & 0o777, 0o755);
  rmSync(from.directory, { recursive: true });
  assert.equal(readFileSync(join(directory, 'assets/deep/a.js'), 'utf8'), 'old');
});

test('called again it changes nothing; a release that was given up counts for nothing', async () => {
  const assets = make(1);
  const one = tree({ 'assets/1.js': '1' });
  const givenUp = tree({ 'assets/2.js': '2' });
  const three = tree({ 'assets/3.js': '3' });
  const four = tree({ 'assets/4.js': '4' });
  await assets.keep(switchEvent(one, givenUp));
  await assets.keep(switchEvent(one, givenUp));
  assert.deepEqual(keptPaths(), ['assets/1.js']);
  await assets.keep(switchEvent(one, three));
  assert.deepEqual(keptPaths(), ['assets/1.js']);
  await make(1).keep(switchEvent(three, four));
  assert.deepEqual(keptPaths(), ['assets/1.js', 'assets/3.js']);
});

test('a lost journal adopts what is kept; a journal ahead of a crash is caught up with', async () => {
  const assets = make(1);
  const [one, two, three, four] = [1, 2, 3, 4].map((n) => tree({ [`assets/${n}.js`]: `${n}` }));
  assert.ok(one && two && three && four);
  await assets.keep(switchEvent(one, two));
  const journal = join(state, 'kept-docs.json');
  writeFileSync(journal, '{ broken');
  await assets.keep(switchEvent(two, three));
  assert.deepEqual(keptPaths(), ['assets/1.js', 'assets/2.js']);
  rmSync(join(site, 'kept'), { recursive: true });
  await assets.keep(switchEvent(two, three));
  assert.deepEqual(keptPaths(), ['assets/2.js']);
  await assets.keep(switchEvent(three, four));
  assert.deepEqual(keptPaths(), ['assets/2.js', 'assets/3.js']);
});

test('on another file system a copy is kept, with its time and mode; once is enough', async () => {
  const elsewhere = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'treecast-kept-'));
  after(() => rmSync(elsewhere, { recursive: true, force: true }));
  write(elsewhere, { 'assets/a.js': 'far away' });
  utimesSync(join(elsewhere, 'assets/a.js'), 1_700_000_000, 1_700_000_000);
  chmodSync(join(elsewhere, 'assets/a.js'), 0o640);
  const assets = make(1);
  const from = { ...tree({ 'assets/a.js': '' }), directory: elsewhere };
  const to = tree({});
  await assets.keep(switchEvent(from, to));
  const kept = join(site, 'kept/nginx/assets/a.js');
  const { ino, mtimeMs, mode } = statSync(kept);
  assert.deepEqual(
    [readFileSync(kept, 'utf8'), mtimeMs, mode & 0o777],
    ['far away', 1_700_000_000_000, 0o640],
  );
  await assets.keep(switchEvent(from, to));
  assert.equal(statSync(kept).ino, ino);
});

test('no symlink is followed, in the tree or where files are kept; dotfiles and other paths are not kept', async () => {
  const outside = join(base, `outside-${count}`);
  write(outside, { 'secret.js': 'secret', 'deep/secret.js': 'secret' });
  const from = tree({ 'assets/real.js': 'r', 'assets/.env': 'e', 'page.html': 'p' });
  symlinkSync(join(outside, 'secret.js'), join(from.directory, 'assets/link.js'));
  symlinkSync(join(outside, 'deep'), join(from.directory, 'assets/dir'));
  const to = tree({});
  const assets = make(1);
  for (const [known, extra] of [
    [true, ['assets/link.js', 'assets/dir/secret.js', '../x.js', 'assets/../../x.js', '/etc/passwd']],
    [false, []],
  ] as const) {
    const event = switchEvent(
      { ...from, files: { ...from.files, ...Object.fromEntries(extra.map((path) => [path, ''])) } },
      to,
      known,
    );
    await assets.keep(event);
    assert.deepEqual(keptPaths(), ['assets/real.js']);
  }
  rmSync(join(site, 'kept/nginx/assets'), { recursive: true });
  symlinkSync(outside, join(site, 'kept/nginx/assets'));
  await assets.keep(switchEvent(from, to));
  assert.deepEqual(keptPaths(), ['assets/real.js']);
  assert.ok(lstatSync(join(site, 'kept/nginx/assets')).isDirectory());
  assert.deepEqual(readdirSync(outside).sort(), ['deep', 'secret.js']);
});

test('a file where a directory was, and the other way round', async () => {
  const assets = make(5);
  const [one, two, three] = [tree({ 'assets/a': 'file' }), tree({ 'assets/a/b.js': 'below' }), tree({})];
  await assets.keep(switchEvent(one, two));
  assert.deepEqual(keptPaths(), ['assets/a']);
  await assets.keep(switchEvent(two, three));
  assert.deepEqual(keptPaths(), ['assets/a/b.js']);
  const [four, five] = [tree({ 'assets/a': 'again' }), tree({})];
  await assets.keep(switchEvent(four, five));
  assert.deepEqual(keptPaths(), ['assets/a']);
});

test('a directory that cannot be made is a clear error; forgetting leaves nothing', async () => {
  const assets = make(1);
  const [one, two] = [tree({ 'assets/1.js': '1' }), tree({})];
  writeFileSync(join(site, 'kept'), 'in the way');
  await assert.rejects(assets.keep(switchEvent(one, two)), {
    name: 'PluginError',
    message: /cannot keep assets\/1\.js in .*kept/,
  });
  rmSync(join(site, 'kept'));
  assert.deepEqual(await assets.keep(switchEvent(one, two)), { kept: 1, dropped: 0 });
  chmodSync(join(site, 'kept'), 0o755);
  await assets.forget({ site: 'docs', directory: site });
  assert.deepEqual([keptPaths(), readdirSync(state), readdirSync(join(site, 'kept'))], [[], [], []]);
  await assets.forget({ site: 'docs', directory: site });
});

test('globs that could leave the tree or break out of a configuration are refused', () => {
  for (const glob of ['/etc/**', '../**', 'a b', 'a"b', 'a;b', 'a\nb', 'a$b', '', 'a\\b'])
    assert.equal(keptAssetsSchema.safeParse({ paths: [glob] }).success, false, glob);
});
