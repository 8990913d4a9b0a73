// Assignments of a CCM that lies, signed with the right key: each is refused with a code, within the memory and disk that were declared, and
// leaves nothing but what the next release makes good. One store takes them all, and publishes after.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { blockRange } from '../../assignment/block-layout.ts';
import { fixtureContentKey, fixtureFacts, fixtureVerify } from '../../assignment/container-fixture.ts';
import type { CommandInput } from '../../assignment/encode-assignment.ts';
import { blobIdOf } from '../../assignment/object-id.ts';
import { type ErrorCode, errorCodes } from '../../model/error-codes.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { createSiteStore } from './create-site-store.ts';
import type { SiteStore } from './site-store.ts';
import { lies } from './testing/lies.ts';
import { base, lyingAssignment, target, text, write } from './testing/lying-assignment.ts';
import {
  commandsBetween,
  expectedOnDisk,
  type ModelTree,
  modelFile,
  modelTreeId,
  readDisk,
} from './testing/model-tree.ts';
import { decisionFor, kitGrant, makeRoot, release } from './testing/site-kit.ts';

const site = fixtureFacts.site;
const file = { mode: '100644', mtime: 2 } as const;

let root: string;
let store: SiteStore;
let sequence = 1;

before(async () => {
  root = makeRoot();
  fs.writeFileSync(path.join(root, 'outside'), 'outside');
  store = await createSiteStore({
    root,
    site,
    grant: { ...kitGrant, site, contentKeys: [fixtureContentKey] },
    verifySignature: (bytes, signature) => fixtureVerify(bytes, signature) || isDecision(bytes),
  });
  await publish(new Map(), base);
});
after(async () => {
  await store.close();
  fs.rmSync(root, { recursive: true });
});

/** Decisions of the kit are signed with its own key; what is tested here are assignments. */
function isDecision(bytes: Uint8Array): boolean {
  return Buffer.from(bytes).includes('"decidedAt"');
}

const live = () => fs.realpathSync(path.join(root, site, 'live'));

async function publish(from: ModelTree, to: ModelTree): Promise<void> {
  const number = release(sequence++);
  const { manifest, data } = lyingAssignment({ commands: commandsBetween(from, to), from, to, number });
  await receiveAndStage(manifest, data);
  await store.decide({ ...decisionFor(number, modelTreeId(to)), site });
}

async function receiveAndStage(manifest: Buffer, data: Buffer): Promise<void> {
  const entry = await store.openInbox(manifest);
  for (const index of entry.missingBlocks()) {
    const { offset, length } = blockRange(entry.header, index);
    await entry.writeBlock(index, data.subarray(offset, offset + length));
  }
  await store.stage(entry, new AbortController().signal);
}

for (const [name, lie] of Object.entries(lies)) {
  test(`N58 N65: ${name}: refused with a code; live, backup and the outside stay as they are`, async () => {
    const { manifest, data } = lyingAssignment({ ...lie, number: release(sequence) });
    const error = await receiveAndStage(manifest, data).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof TreecastError, `it was staged, or threw ${String(error)}`);
    assert.ok(
      Object.hasOwn(errorCodes, error.code) && error.code !== ('BUG' satisfies ErrorCode),
      error.message,
    );
    assert.equal(store.holding().staged, null);
    assert.deepEqual(readDisk(live()), expectedOnDisk(base));
    assert.deepEqual(fs.readdirSync(root).sort(), ['outside', site]);
    assert.equal(fs.readFileSync(path.join(root, 'outside'), 'utf8'), 'outside');
    assert.deepEqual(fs.readdirSync(path.join(root, site, 'trees', '.work')), []);
  });
}

test('after all of them the store publishes, holds three whole trees, and nothing is left in its inbox', async () => {
  await publish(base, target);
  await store.settle();
  assert.deepEqual(readDisk(live()), expectedOnDisk(target));
  const { drift } = await store.verify();
  assert.deepEqual(drift, []);
  const trees = fs.readdirSync(path.join(root, site, 'trees')).filter((name) => name !== '.work');
  assert.equal(trees.length, 3);
  assert.deepEqual(fs.readdirSync(path.join(root, site, 'inbox')), []);
});

test('what is allowed is carried out to the letter: files that take each other’s place, and 300 levels of directories', async () => {
  const levels = Array.from({ length: 300 }, () => 'd');
  const deep = [...levels, 'f'].join('/');
  const swapped: ModelTree = new Map([
    ...target,
    ['index.html', modelFile('page', 2)],
    ['a/page.html', modelFile(text, 2)],
    [deep, modelFile('new', 2)],
  ]);
  const commands: CommandInput[] = [
    ...levels.map(
      (_, index): CommandInput => ({ command: { do: 'mkdir', path: levels.slice(0, index + 1).join('/') } }),
    ),
    {
      command: {
        do: 'copy',
        ...file,
        path: 'index.html',
        from: 'a/page.html',
        blob: blobIdOf(Buffer.from('page')),
        size: 4,
      },
    },
    {
      command: {
        do: 'copy',
        ...file,
        path: 'a/page.html',
        from: 'index.html',
        blob: blobIdOf(Buffer.from(text)),
        size: text.length,
      },
    },
    write(deep, 'new'),
  ];
  const number = release(sequence++);
  const { manifest, data } = lyingAssignment({ commands, from: target, to: swapped, number });
  await receiveAndStage(manifest, data);
  await store.decide({ ...decisionFor(number, modelTreeId(swapped)), site });
  await store.settle();
  const { proof, drift } = await store.verify();
  assert.deepEqual([proof.tree, drift], [modelTreeId(swapped), []]);
  await publish(swapped, base);
  await store.settle();
  assert.deepEqual(readDisk(live()), expectedOnDisk(base));
});
