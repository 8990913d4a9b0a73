// STG-32: what somebody else puts into a site's directories (links, pipes, hard links, directories without end) is never followed, waited
// for, or written through. The races are bench/symlink-races; here each trick is played at rest.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { runInSlices } from '../../slices/slices.ts';
import { createDirectoryHandles } from './directory-handles.ts';
import { createDisk } from './disk.ts';
import { removeTree } from './removal.ts';
import type { SiteStore } from './site-store.ts';
import {
  expectedOnDisk,
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
  kitSite,
  makeRoot,
  openKitStore,
  openPublishedStore,
  receiveAndStage,
  release,
} from './testing/site-kit.ts';

const one: ModelTree = new Map([
  ['index.html', modelFile('one', 1)],
  ['css/site.css', modelFile('body {}', 1)],
]);
const two: ModelTree = new Map([...one, ['index.html', modelFile('two', 2)]]);

let root: string;
let outside: string;
let store: SiteStore;

beforeEach(async () => {
  root = makeRoot();
  outside = path.join(root, 'outside');
  fs.mkdirSync(outside);
  store = await openPublishedStore(root, one);
});

afterEach(async () => {
  await store.close();
  fs.rmSync(root, { recursive: true });
});

const inSite = (...names: string[]) => path.join(root, kitSite, ...names);
const live = () => fs.realpathSync(inSite('live'));

function outsideFile(): { readonly file: string; assertUntouched(): void } {
  const file = path.join(outside, 'file');
  fs.writeFileSync(file, 'outside', { mode: 0o604 });
  fs.utimesSync(file, 1_000, 1_000);
  return {
    file,
    assertUntouched() {
      const { mode, mtimeMs } = fs.statSync(file);
      assert.deepEqual([fs.readFileSync(file, 'utf8'), mode & 0o777, mtimeMs], ['outside', 0o604, 1_000_000]);
    },
  };
}

async function publish(to: ModelTree, sequence = 2): Promise<void> {
  await receiveAndStage(store, assignmentBetween(release(sequence), one, to));
  await store.decide(decisionFor(release(sequence), modelTreeId(to)));
}

test('a hard link to an outside file under the journal’s temporary name, or in the inbox, is replaced, not written', async () => {
  const { file, assertUntouched } = outsideFile();
  fs.linkSync(file, inSite('state.json.tmp'));
  const { manifest, header } = assignmentBetween(release(2), one, two);
  fs.linkSync(file, inSite('inbox', `${header.id}.manifest`));
  fs.linkSync(file, inSite('inbox', `${header.id}.data`));
  await store.openInbox(manifest);
  await publish(two);
  assertUntouched();
  assert.deepEqual(readDisk(live()), expectedOnDisk(two));
});

for (const name of ['index.db', 'twins.db'])
  test(`an outside database that ${name} is a link to, soft or hard, is neither used nor written`, async () => {
    await receiveAndStage(store, assignmentBetween(release(2), one, two));
    await store.writeTwin(release(2), 'index.html', '.gz', Buffer.from('packed'));
    await store.sealTwins(release(2));
    await store.decide(decisionFor(release(2), modelTreeId(two)));
    const file = path.join(outside, 'other.db');
    const database = new DatabaseSync(file);
    database.exec('CREATE TABLE own (a TEXT)');
    database.close();
    const before = fs.readFileSync(file);
    for (const link of [fs.linkSync, fs.symlinkSync]) {
      await store.close();
      fs.rmSync(inSite(name));
      link(file, inSite(name));
      store = await openKitStore(root);
      assert.deepEqual((await store.verify()).drift, []);
      await store.settle();
      assert.deepEqual(fs.readFileSync(file), before);
    }
  });

test('a pipe under the journal’s temporary name holds nothing up, and one in its place counts as no journal', async () => {
  execFileSync('mkfifo', [inSite('state.json.tmp')]);
  await publish(two);
  await store.close();
  fs.rmSync(inSite('state.json'));
  execFileSync('mkfifo', [inSite('state.json')]);
  store = await openKitStore(root);
  assert.equal(store.live()?.tree, modelTreeId(two), 'rebuilt from the live tree');
});

test('a file under the name of the next live symlink does not keep the switch from happening', async () => {
  fs.writeFileSync(inSite('live.tmp'), 'x');
  await publish(two);
  assert.deepEqual(readDisk(live()), expectedOnDisk(two));
});

test('the store’s own directories are used as they were opened, whatever takes their names', async () => {
  for (const name of ['trees/.work', 'inbox']) {
    fs.renameSync(inSite(name), inSite('moved-away'));
    fs.symlinkSync(outside, inSite(name));
    await publish(name === 'inbox' ? one : two, name === 'inbox' ? 3 : 2).catch(() => {});
    fs.unlinkSync(inSite(name));
    fs.renameSync(inSite('moved-away'), inSite(name));
    assert.deepEqual(fs.readdirSync(outside), [], name);
  }
});

test('a symlink’s own time is never given to what takes its name', async () => {
  const { file, assertUntouched } = outsideFile();
  const disk = createDisk((effect, where) => {
    // In the very moment before its time is set.
    if (effect !== 'metadata' || !where.endsWith('latest')) return;
    fs.unlinkSync(where);
    fs.linkSync(file, where);
  });
  await store.close();
  store = await openKitStore(root, disk);
  await publish(new Map([...one, ['latest', modelLink('index.html', 5)]]));
  assertUntouched();
});

test('verify names what is neither file nor directory, and waits for no pipe', async () => {
  fs.rmSync(path.join(live(), 'index.html'));
  execFileSync('mkfifo', [path.join(live(), 'index.html'), path.join(live(), 'css', 'pipe')]);
  const { drift } = await store.verify();
  assert.deepEqual(drift, [
    { path: 'css/pipe', problem: 'extra' },
    { path: 'index.html', problem: 'type' },
  ]);
});

test('verify tells of names that change while it reads, instead of failing', async () => {
  await store.close();
  const directory = live();
  const real = createDisk();
  const disk = {
    ...real,
    readdir(where: string) {
      const dirents = real.readdir(where);
      // Between listing and opening.
      if (
        dirents.some(({ name }) => name === 'index.html') &&
        fs.existsSync(path.join(directory, 'css', 'site.css'))
      ) {
        fs.renameSync(path.join(directory, 'css'), path.join(root, 'css'));
        fs.symlinkSync(outside, path.join(directory, 'css'));
        fs.rmSync(path.join(directory, 'index.html'));
        execFileSync('mkfifo', [path.join(directory, 'index.html')]);
      }
      return dirents;
    },
  };
  store = await openKitStore(root, disk);
  const { drift } = await store.verify();
  assert.deepEqual(
    drift.map(({ path: where }) => where),
    ['css', 'index.html'],
  );
});

test('an old version that was blown up on this node is refused by its size, unread', async () => {
  fs.truncateSync(path.join(live(), 'index.html'), 2 ** 40);
  await assert.rejects(receiveAndStage(store, assignmentBetween(release(2), one, two)), {
    code: 'CONTENT_DRIFT',
    message: /has 1099511627776 bytes on this node/,
  });
});

test('a payload far longer than its file is read in pieces and refused', async () => {
  const padding = Buffer.alloc(6 * 1024 ** 2, 1);
  const bytes = Buffer.concat([zstdCompressSync(Buffer.from('two')), padding]);
  const assignment = kitAssignment({
    release: release(2),
    baseTree: modelTreeId(one),
    targetTree: modelTreeId(two),
    commands: [
      {
        command: { do: 'write', path: 'index.html', mode: '100644', blob: '0'.repeat(40), size: 3, mtime: 2 },
        payload: { codec: 'zstd', cipher: 'none', bytes },
      },
    ],
  });
  await assert.rejects(receiveAndStage(store, assignment), {
    message: /ASSIGNMENT_MALFORMED|bytes after its end|does not decode/,
  });
  assert.deepEqual(readDisk(live()), expectedOnDisk(one));
});

test('a directory of 1,000 levels, and one that is swapped for a symlink while it goes, are removed; what the link led to stays', async () => {
  const { assertUntouched } = outsideFile();
  const doomed = path.join(root, 'doomed');
  fs.mkdirSync(doomed);
  let handle = fs.openSync(doomed, 'r');
  for (let level = 0; level < 1_000; level++) {
    fs.mkdirSync(`/proc/self/fd/${handle}/d`);
    fs.symlinkSync(outside, `/proc/self/fd/${handle}/link`);
    const next = fs.openSync(`/proc/self/fd/${handle}/d`, 'r');
    fs.closeSync(handle);
    handle = next;
  }
  fs.closeSync(handle);
  await runInSlices(removeTree(createDisk(), doomed));
  assert.equal(fs.existsSync(doomed), false);

  fs.mkdirSync(path.join(doomed, 'a', 'b'), { recursive: true });
  fs.writeFileSync(path.join(doomed, 'a', 'b', 'file'), 'x');
  let swapped = false;
  const disk = createDisk((effect, where) => {
    if (swapped || effect !== 'unlink' || !where.endsWith('/a/b/file')) return;
    swapped = true;
    fs.renameSync(path.join(doomed, 'a'), path.join(root, 'away'));
    fs.symlinkSync(outside, path.join(doomed, 'a'));
  });
  await runInSlices(removeTree(disk, doomed));
  assert.equal(swapped && !fs.existsSync(doomed), true);
  assertUntouched();
});

test('N58: a handle never walks through a symlink, and no name leads upwards', () => {
  fs.symlinkSync(outside, path.join(live(), 'link'));
  const handles = createDirectoryHandles(createDisk(), live());
  try {
    assert.throws(() => handles.entry('link/file'), /ENOTDIR|ELOOP/);
    for (const name of ['..', '.', 'css/..', 'css/', 'a\0b']) {
      assert.throws(() => handles.entry(name), { code: 'PATH_FORBIDDEN' });
    }
  } finally {
    handles.close();
  }
});
