// What the store refuses, and that a refused or failed release leaves nothing behind.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { CommandInput } from '../../assignment/encode-assignment.ts';
import { blobIdOf } from '../../assignment/object-id.ts';
import type { SiteStore } from './site-store.ts';
import {
  commandsBetween,
  expectedOnDisk,
  type ModelTree,
  modelFile,
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
  openPublishedStore,
  receive,
  receiveAndStage,
  release,
} from './testing/site-kit.ts';

const base: ModelTree = new Map([
  ['index.html', modelFile('<h1>one</h1>', 1000)],
  ['css/site.css', modelFile('body {}', 1000)],
]);
const target: ModelTree = new Map([...base, ['index.html', modelFile('<h1>two</h1>', 2000)]]);

let root: string;
let store: SiteStore;

beforeEach(async () => {
  root = makeRoot();
  store = await openPublishedStore(root, base);
});

afterEach(async () => {
  await store.close();
  fs.rmSync(root, { recursive: true });
});

const live = () => fs.realpathSync(path.join(root, kitSite, 'live'));

function assignmentOf(commands: readonly CommandInput[], result: ModelTree = target, sequence = 2) {
  return kitAssignment({
    release: release(sequence),
    baseTree: modelTreeId(base),
    targetTree: modelTreeId(result),
    commands,
  });
}

function writeCommand(name: string, text: string, blob = blobIdOf(Buffer.from(text))): CommandInput {
  const bytes = Buffer.from(text);
  return {
    command: { do: 'write', path: name, mode: '100644', blob, size: bytes.length, mtime: 2000 },
    payload: { codec: 'store', cipher: 'none', bytes },
  };
}

/** Nothing is staged, live is untouched, and after the background all three trees are the live one again. */
async function assertUndone(): Promise<void> {
  assert.equal(store.holding().staged, null);
  assert.deepEqual(readDisk(live()), expectedOnDisk(base));
  await store.settle();
  const trees = path.join(root, kitSite, 'trees');
  const names = fs.readdirSync(trees).filter((name) => name !== '.work');
  assert.equal(names.length, 3);
  for (const name of names) assert.deepEqual(readDisk(path.join(trees, name)), expectedOnDisk(base), name);
  assert.deepEqual(fs.readdirSync(path.join(trees, '.work')), []);
}

test('STG-10: another base, a release below the last decision, another site', async () => {
  await assert.rejects(receiveAndStage(store, assignmentBetween(release(2), target, base)), {
    code: 'BASE_MISMATCH',
  });
  await assert.rejects(receiveAndStage(store, assignmentBetween(release(1), base, target)), {
    code: 'RELEASE_OUTDATED',
  });
  await assert.rejects(
    receiveAndStage(store, assignmentBetween(release(2), base, target, { site: 'other' })),
    {
      code: 'ASSIGNMENT_MALFORMED',
    },
  );
  await assertUndone();
});

test('STG-10: space for bytes and inodes is checked before anything is received, and what lacks is told', async () => {
  const space = { inboxBytes: 0, decodedBytes: 2 ** 52, temporaryBytes: 0, inodes: 2 ** 40 };
  const { manifest } = assignmentBetween(release(2), base, target, { space });
  await assert.rejects(store.openInbox(manifest), (error: { code: string; data: Record<string, number> }) => {
    assert.equal(error.code, 'SPACE_INSUFFICIENT');
    assert.ok((error.data['missingBytes'] ?? 0) > 2 ** 51);
    return true;
  });
});

test('a manifest that nobody trusted signed, and a block that is not the signed one', async () => {
  const { manifest, data } = assignmentBetween(release(2), base, target);
  const forged = Buffer.from(manifest);
  forged.writeUInt8(forged.readUInt8(forged.length - 1) ^ 1, forged.length - 1);
  await assert.rejects(store.openInbox(forged), { code: 'ASSIGNMENT_SIGNATURE_INVALID' });
  const entry = await store.openInbox(manifest);
  const wrong = Buffer.from(data);
  wrong.writeUInt8(wrong.readUInt8(0) ^ 1, 0);
  await assert.rejects(entry.writeBlock(0, wrong), { code: 'ASSIGNMENT_BLOCK_CORRUPT' });
  await assert.rejects(store.stage(entry, new AbortController().signal), { code: 'STAGE_FAILED' });
  await assertUndone();
});

test('a content key that this node does not hold', async () => {
  const assignment = assignmentBetween(release(2), base, target);
  store.updateGrant({ ...kitGrant, contentKeys: [] });
  await assert.rejects(receiveAndStage(store, assignment), { code: 'ASSIGNMENT_KEY_UNKNOWN' });
  await assertUndone();
});

test('commands that fail say which and why, and are undone', async () => {
  const cases: [string, CommandInput, RegExp][] = [
    ['STAGE_FAILED', { command: { do: 'remove', path: 'not/there' } }, /command 2 \(remove not\/there\)/],
    ['STAGE_FAILED', { command: { do: 'mkdir', path: 'css' } }, /EEXIST/],
    ['STAGE_FAILED', { command: { do: 'rmdir', path: 'css' } }, /ENOTEMPTY/],
    ['STAGE_FAILED', writeCommand('x.html', 'bytes', '0'.repeat(40)), /not those that were published/],
    ['STAGE_FAILED', writeCommand('no/such/directory', 'bytes'), /ENOENT/],
    [
      'STAGE_FAILED',
      {
        command: { do: 'plugin', name: 'acme:load', parameters: {} },
        payload: { codec: 'store', cipher: 'none', bytes: Buffer.from('x') },
      },
      /command 2 \(plugin acme:load\): it has a payload/,
    ],
    [
      'CONTENT_DRIFT',
      { command: { do: 'verify', path: 'css/site.css', blob: '0'.repeat(40) } },
      /css\/site\.css/,
    ],
    ['TREE_MISMATCH', writeCommand('surplus.html', 'x'), /staged tree is/],
  ];
  for (const [code, command, message] of cases) {
    const assignment = assignmentOf([...commandsBetween(base, target), command]);
    await assert.rejects(receiveAndStage(store, assignment), { code, message });
    await assertUndone();
  }
});

test('an abort signal stops staging and undoes it', async () => {
  const many: ModelTree = new Map([
    ...base,
    ...Array.from({ length: 3000 }, (_, n) => [`f${n}.html`, modelFile(`file ${n}`, 2000)] as const),
  ]);
  const entry = await receive(store, assignmentBetween(release(2), base, many));
  const controller = new AbortController();
  const staging = store.stage(entry, controller.signal, ({ commandsDone }) => {
    if (commandsDone === 10) controller.abort();
  });
  await assert.rejects(staging, { code: 'ABORTED' });
  await assertUndone();
});

test('N58: a symlink put in place of a directory leads nowhere outside the tree', async () => {
  const outside = fs.mkdtempSync(path.join(root, 'outside-'));
  const trees = path.join(root, kitSite, 'trees');
  for (const name of fs.readdirSync(trees)) {
    if (name === '.work' || path.join(trees, name) === live()) continue;
    fs.renameSync(path.join(trees, name, 'css'), path.join(trees, name, 'hidden'));
    fs.symlinkSync(outside, path.join(trees, name, 'css'));
  }
  await assert.rejects(receiveAndStage(store, assignmentOf([writeCommand('css/evil.css', 'x')])), {
    code: 'STAGE_FAILED',
  });
  assert.deepEqual(fs.readdirSync(outside), []);
});

test('STG-9: a changed directory with a foreign file fails the release; the slot is not trusted again', async () => {
  const trees = path.join(root, kitSite, 'trees');
  for (const name of fs.readdirSync(trees)) {
    if (name === '.work' || path.join(trees, name) === live()) continue;
    fs.writeFileSync(path.join(trees, name, 'foreign.txt'), 'x');
  }
  await assert.rejects(receiveAndStage(store, assignmentBetween(release(2), base, target)), {
    code: 'TREE_MISMATCH',
    message: /foreign\.txt is extra/,
  });
  await store.settle();
  await assert.rejects(receiveAndStage(store, assignmentBetween(release(2), base, target)), {
    code: 'TREE_MISMATCH',
  });
  await store.settle();
  await receiveAndStage(store, assignmentBetween(release(2), base, target));
  await store.decide(decisionFor(release(2), modelTreeId(target)));
  assert.deepEqual(readDisk(live()), expectedOnDisk(target));
});

test('a base file changed on this node is told apart from a damaged delta', async () => {
  const file = path.join(live(), 'index.html');
  const { atime, mtime } = fs.statSync(file);
  fs.writeFileSync(file, '<h1>0ne</h1>');
  fs.utimesSync(file, atime, mtime);
  await assert.rejects(receiveAndStage(store, assignmentBetween(release(2), base, target)), {
    code: 'CONTENT_DRIFT',
    message: /index\.html/,
  });
});

test('N21: modes are the site policy’s, whatever the umask', async () => {
  const umask = process.umask(0o077);
  try {
    store.updateGrant({
      ...kitGrant,
      policy: { ...kitGrant.policy, fileMode: '640', executableMode: '750', directoryMode: '750' },
    });
    const result: ModelTree = new Map([
      ...base,
      ['new/page.html', modelFile('x', 2000)],
      ['new/run', modelFile('x', 2000, '100755')],
    ]);
    await receiveAndStage(store, assignmentBetween(release(2), base, result));
    await store.decide(decisionFor(release(2), modelTreeId(result)));
    const modeOf = (name: string) => (fs.statSync(path.join(live(), name)).mode & 0o7777).toString(8);
    assert.deepEqual(['new', 'new/page.html', 'new/run', 'index.html'].map(modeOf), [
      '750',
      '640',
      '750',
      '644',
    ]);
  } finally {
    process.umask(umask);
  }
});
