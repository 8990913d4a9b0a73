// bin/treecast: which Node.js it takes, from wherever it is started, and that it is one process.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { endProgram, type ProgramEnd } from '../lab/run-program.ts';
import { repositoryRoot } from './repository-root.ts';

const tells = 'process.stdout.write(JSON.stringify({ main: process.argv[1], args: process.argv.slice(2) }));';

let root = '';
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'treecast launcher-')));
});
afterEach(() => rmSync(root, { recursive: true }));

/** A package at `place` below the temporary directory, holding the launcher and a program that tells who runs it. */
function placePackage(place: string, main: string, program = tells): string {
  const launcher = join(root, place, 'bin/treecast');
  for (const [path, text] of [
    [join(root, place, main), program],
    [join(root, place, 'package.json'), '{"type":"module"}'],
  ] as const) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  mkdirSync(dirname(launcher), { recursive: true });
  copyFileSync(join(repositoryRoot, 'bin/treecast'), launcher);
  return launcher;
}

/** A `node` that says another version; the real one does the work, so that a wrong choice shows. */
function placeNode(directory: string, version: string): string {
  const path = join(root, directory, 'node');
  mkdirSync(dirname(path), { recursive: true });
  const script = [
    '#!/bin/sh',
    `[ "$1" = --version ] && { echo ${version}; exit; }`,
    `export CHOSEN='${directory}'`,
    `exec '${process.execPath}' "$@"`,
  ];
  writeFileSync(path, `${script.join('\n')}\n`);
  chmodSync(path, 0o755);
  return path;
}

const choice = "process.stdout.write(process.env['CHOSEN'] ?? 'the real one');";

function start(launcher: string, nodes: readonly string[]): Promise<ProgramEnd> {
  const path = [...nodes.map((directory) => join(root, directory)), ...toolDirectories()].join(':');
  return endProgram(launcher, ['status', '--json', 'a b'], { env: { PATH: path }, cwd: tmpdir() });
}

/** A directory with the few programs that the launcher calls and no `node`. */
function toolDirectories(): string[] {
  const directory = join(root, 'tools');
  mkdirSync(directory, { recursive: true });
  for (const tool of ['sh', 'readlink', 'cat']) {
    try {
      symlinkSync(join('/bin', tool), join(directory, tool));
    } catch {
      // It is there from the start before.
    }
  }
  return [directory];
}

describe('bin/treecast', () => {
  test('takes the caller’s node when it is new enough', async () => {
    const launcher = placePackage('checkout', 'src/cli/main.ts', choice);
    placeNode('caller', 'v24.15.0');
    placeNode('checkout/node_modules/.bin', 'v24.99.0');
    assert.equal((await start(launcher, ['caller'])).stdout, 'caller');
  });

  for (const version of ['v24.14.9', 'v20.20.2', 'v9.99.0', 'nonsense']) {
    test(`takes the package’s node when the caller’s is ${version}`, async () => {
      const launcher = placePackage('checkout', 'src/cli/main.ts', choice);
      placeNode('caller', version);
      placeNode('checkout/node_modules/.bin', 'v24.21.0');
      assert.equal((await start(launcher, ['caller'])).stdout, 'checkout/node_modules/.bin');
    });
  }

  test('takes a newer major', async () => {
    const launcher = placePackage('checkout', 'src/cli/main.ts', choice);
    placeNode('caller', 'v26.0.0');
    assert.equal((await start(launcher, ['caller'])).stdout, 'caller');
  });

  test('started through node_modules/.bin it finds its package and a hoisted node', async () => {
    placePackage('app/node_modules/treecast', 'dist/cli/main.js', choice);
    placeNode('app/node_modules/.bin', 'v25.1.0');
    const link = join(root, 'app/node_modules/.bin/treecast');
    symlinkSync('../treecast/bin/treecast', link);
    symlinkSync(link, join(root, 'treecast'));
    assert.equal((await start(join(root, 'treecast'), [])).stdout, 'app/node_modules/.bin');
  });

  test('runs the sources in a checkout and dist in a package, with the arguments as they are', async () => {
    for (const main of ['src/cli/main.ts', 'dist/cli/main.js']) {
      const launcher = placePackage(`with ${main.slice(0, 4)}`, main);
      placeNode('caller', 'v24.21.0');
      const told = JSON.parse((await start(launcher, ['caller'])).stdout) as { main: string; args: string[] };
      assert.equal(told.main, join(dirname(launcher), '..', main));
      assert.deepEqual(told.args, ['status', '--json', 'a b']);
    }
  });

  test('is the process that it starts: same id, and signals reach it', async () => {
    const waits =
      "process.on('SIGTERM', () => process.exit(7)); process.stdout.write(String(process.pid)); setInterval(() => {}, 1000);";
    const launcher = placePackage('checkout', 'src/cli/main.ts', waits);
    placeNode('caller', 'v24.21.0');
    const env = { PATH: [join(root, 'caller'), ...toolDirectories()].join(':') };
    const child = spawn(launcher, [], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const [said] = (await once(child.stdout, 'data')) as [Buffer];
    assert.equal(Number(said.toString()), child.pid);
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [7, null]);
  });

  test('says what, why and what to do when there is no node, or only an old one', async () => {
    const launcher = placePackage('checkout', 'src/cli/main.ts');
    const none = await start(launcher, []);
    assert.equal(none.code, 1);
    assert.equal(none.stdout, '');
    assert.match(none.stderr, /cannot start.*\nWhy: .*24\.15.*no `node` on the PATH.*\nWhat to do: .*npm ci/);
    placeNode('caller', 'v20.20.2');
    const old = await start(launcher, ['caller']);
    assert.equal(old.code, 1);
    assert.match(old.stderr, /caller\/node\) is v20\.20\.2/);
  });
});
