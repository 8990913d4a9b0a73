import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blockCount, blockRange } from '../../assignment/block-layout.ts';
import type { EncodedAssignment } from '../../assignment/encode-assignment.ts';
import { temporaryDirectory } from '../../net/testing/temporary-directory.ts';
import { type ModelTree, modelFile } from './testing/model-tree.ts';
import { assignmentBetween, openKitStore, receive, release } from './testing/site-kit.ts';

/** One is received in memory, the other one on disk. */
for (const bytes of [300_000, 34_000_000]) {
  test(`N75: of an assignment of ${bytes} bytes that is being received others get whole blocks, and nothing else`, async (t) => {
    const store = await openKitStore(temporaryDirectory(t));
    t.after(() => store.close());
    const tree: ModelTree = new Map([['large', modelFile('x'.repeat(bytes), 1)]]);
    const assignment = assignmentBetween(release(1), new Map(), tree);
    const { header, manifest } = assignment;
    assert.equal(store.received(header.id), null);
    const entry = await store.openInbox(manifest);
    const blocks = store.received(header.id);
    assert.ok(blocks !== null);
    assert.deepEqual([blocks.header, Buffer.from(blocks.manifest)], [header, manifest]);
    assert.deepEqual([blocks.has(1), blocks.read(1)], [false, null]);
    await entry.writeBlock(1, blockOf(assignment, 1));
    assert.deepEqual([blocks.has(1), blocks.read(1)], [true, blockOf(assignment, 1)]);
    assert.deepEqual([blocks.has(0), blocks.read(0)], [false, null]);
    assert.deepEqual(
      [blocks.has(blockCount(header)), blocks.has(-1), blocks.has(0.5)],
      [false, false, false],
      'there is no such block',
    );
    await receive(store, assignment);
    assert.deepEqual(blocks.read(0), blockOf(assignment, 0));
    await entry.discard();
    assert.equal(store.received(header.id), null);
    assert.deepEqual([blocks.has(1), blocks.read(1)], [false, null]);
  });
}

function blockOf({ header, data }: EncodedAssignment, index: number): Buffer {
  const { offset, length } = blockRange(header, index);
  return data.subarray(offset, offset + length);
}
