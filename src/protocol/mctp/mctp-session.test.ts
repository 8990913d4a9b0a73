import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blockBytes } from '../../model/assignment.ts';
import {
  createMctpLayout,
  framePayloadBytes,
  type MctpSession,
  sessionProblem,
  singleBytesMax,
} from './mctp-session.ts';

const session: MctpSession = {
  session: 7,
  sender: 'web-1',
  assignment: 'a1',
  repair: 'fec',
  framePayloadBytes: framePayloadBytes(1500, 'ipv4'),
  manifestBytes: 3000,
  sealedBytes: 2 * blockBytes + 16,
  plainBytes: 10,
  manifestHashes: ['00'.repeat(32)],
  receivers: 4,
};

test('MCTP-2: manifest, sealed and plain blocks are one row; only the last of each part is short, and only the last frame of a block', () => {
  const layout = createMctpLayout(session);
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((block) => layout.blockLength(block)),
    [3000, blockBytes, blockBytes, 16, 10],
  );
  assert.equal(layout.blocks, 5);
  assert.equal(layout.manifestBlocks, 1);
  for (let block = 0; block < layout.blocks; block += 1) {
    let bytes = 0;
    for (let sequence = 0; sequence < layout.frames(block); sequence += 1) {
      assert.ok(layout.payloadBytes(block, sequence) > 0);
      bytes += layout.payloadBytes(block, sequence);
    }
    assert.equal(bytes, layout.blockLength(block));
    assert.equal(layout.payloadBytes(block, layout.frames(block)), layout.payloadBytes(block, 0), 'parity');
  }
  assert.deepEqual([layout.frames(1), layout.parityMax(1), layout.frames(4)], [91, 161, 1]);
});

test('MCTP-2: frames fill the packet, and are no larger than as few frames need', () => {
  assert.equal(framePayloadBytes(1500, 'ipv4'), 1441);
  assert.equal(framePayloadBytes(1500, 'ipv6'), 1410);
  assert.ok(singleBytesMax <= 6 * 1410);
  assert.equal(Math.ceil(blockBytes / 1410), 93);
});

test('MCTP-1: an announcement with wrong sizes, hashes or frames is refused', () => {
  assert.equal(sessionProblem(session), null);
  for (const wrong of [
    { manifestBytes: -1 },
    { plainBytes: 2 ** 40 },
    { sealedBytes: 1.5 },
    { manifestHashes: [] },
    { manifestBytes: 17 * blockBytes, manifestHashes: Array.from({ length: 17 }, () => '') },
    { manifestBytes: 0, manifestHashes: [], sealedBytes: 0, plainBytes: 0 },
    { framePayloadBytes: 100 },
    { framePayloadBytes: 70_000 },
  ])
    assert.notEqual(sessionProblem({ ...session, ...wrong }), null, JSON.stringify(wrong));
});
