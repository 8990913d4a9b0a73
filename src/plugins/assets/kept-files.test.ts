import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { readTreeFile } from '../files/tree-file.ts';
import { createKeptFiles } from './kept-files.ts';

let root: string;
let site: string;
let tree: string;
let outside: string;

beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'treecast-kept-'));
  [site, tree, outside] = ['site', 'site/trees/1-0001', 'outside'].map((name) => path.join(root, name)) as [
    string,
    string,
    string,
  ];
  fs.mkdirSync(path.join(tree, 'assets/js'), { recursive: true });
  fs.writeFileSync(path.join(tree, 'assets/js/app.js'), 'app');
  fs.mkdirSync(path.join(outside, 'js'), { recursive: true, mode: 0o700 });
  fs.writeFileSync(path.join(outside, 'js/app.js'), 'outside');
});
afterEach(() => fs.rmSync(root, { recursive: true }));

const keptPath = (...names: string[]) => path.join(site, 'kept', 'front', ...names);

function assertOutsideUntouched(): void {
  assert.deepEqual(fs.readdirSync(path.join(outside, 'js')), ['app.js']);
  assert.equal(fs.readFileSync(path.join(outside, 'js/app.js'), 'utf8'), 'outside');
  assert.equal(fs.statSync(outside).mode & 0o777, 0o700);
}

test('N58: a directory of kept files that became a symlink is replaced, and what it led to stays as it is', async () => {
  const files = createKeptFiles(site, 'kept', 'front');
  assert.equal(await files.keep(tree, 'assets/js/app.js'), true);
  fs.rmSync(keptPath('assets'), { recursive: true });
  fs.symlinkSync(outside, keptPath('assets'));
  await files.drop('assets/js/app.js');
  assertOutsideUntouched();
  assert.equal(await files.keep(tree, 'assets/js/app.js'), true);
  assertOutsideUntouched();
  assert.equal(fs.readFileSync(keptPath('assets/js/app.js'), 'utf8'), 'app');
  assert.equal(fs.lstatSync(keptPath('assets')).isDirectory(), true);
  await files.sync();
});

test('N58: nothing is kept from behind a symlink of the tree, and a pipe or symlink is no file', async () => {
  const files = createKeptFiles(site, 'kept', 'front');
  fs.renameSync(path.join(tree, 'assets'), path.join(tree, 'moved'));
  fs.symlinkSync(outside, path.join(tree, 'assets'));
  fs.symlinkSync('moved/js/app.js', path.join(tree, 'link.js'));
  execFileSync('mkfifo', [path.join(tree, 'pipe.js')]);
  for (const name of ['assets/js/app.js', 'link.js', 'pipe.js', 'moved', '../outside/js/app.js', 'none.js']) {
    assert.equal(await files.keep(tree, name), false, name);
  }
  assert.equal(fs.existsSync(keptPath()), false);
});

test('N58: clearing removes symlinks among the kept files themselves, and only them', async () => {
  const files = createKeptFiles(site, 'kept', 'front');
  await files.clear();
  assert.equal(await files.keep(tree, 'assets/js/app.js'), true);
  fs.symlinkSync(outside, keptPath('assets/out'));
  fs.mkdirSync(path.join(site, 'kept', 'other'));
  await files.clear();
  assert.deepEqual(fs.readdirSync(path.join(site, 'kept')), ['other']);
  assertOutsideUntouched();
});

test('a file that replaces a kept directory, and a directory where files were kept', async () => {
  const files = createKeptFiles(site, 'kept', 'front');
  await files.keep(tree, 'assets/js/app.js');
  fs.writeFileSync(path.join(tree, 'flat'), 'flat');
  fs.mkdirSync(keptPath('flat/below'), { recursive: true });
  assert.equal(await files.keep(tree, 'flat'), true);
  assert.equal(fs.readFileSync(keptPath('flat'), 'utf8'), 'flat');
  fs.mkdirSync(path.join(tree, 'flat2'));
  fs.writeFileSync(path.join(tree, 'flat2/x'), 'x');
  fs.writeFileSync(keptPath('flat2'), 'a file');
  assert.equal(await files.keep(tree, 'flat2/x'), true);
  await files.drop('flat2/x');
  assert.deepEqual(fs.readdirSync(keptPath()).sort(), ['assets', 'flat']);
  await files.sync();
});

test('readTreeFile follows symlinks inside the tree and gives nothing from outside of it, of a pipe, or of a directory', async () => {
  fs.symlinkSync('assets/js/app.js', path.join(tree, 'inside'));
  fs.symlinkSync(path.join(outside, 'js/app.js'), path.join(tree, 'out'));
  fs.symlinkSync('../../../outside/js', path.join(tree, 'outdir'));
  execFileSync('mkfifo', [path.join(tree, 'pipe')]);
  assert.equal(String(await readTreeFile(tree, 'inside', 100)), 'app');
  assert.equal(String(await readTreeFile(tree, 'assets/js/app.js', 2)), 'ap');
  for (const name of [
    'out',
    'outdir/app.js',
    'pipe',
    'assets',
    'none',
    '../../../outside/js/app.js',
    'assets/../inside',
  ]) {
    assert.equal(await readTreeFile(tree, name, 100), null, name);
  }
});
