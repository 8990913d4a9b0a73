import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sealedPayloadBytes } from '../model/assignment.ts';
import {
  blockAt,
  blockCount,
  blockRange,
  plainBlockCount,
  sealedBlockCount,
  tagBytes,
} from './block-layout.ts';

test('ASG-21: each byte of the data file lies in the block whose range has it', () => {
  for (const [sealed, plain] of [
    [0, 300_000],
    [1, 0],
    [sealedPayloadBytes * 2, 131_072],
    [sealedPayloadBytes * 2 + 1, 131_073],
  ] as const) {
    const sealedBlocks = sealedBlockCount(sealed);
    const data = {
      bytes: sealed + sealedBlocks * tagBytes + plain,
      sealedBlocks,
      sealedPayloadBytes: sealed,
      plainPayloadBytes: plain,
      hashes: '',
    };
    assert.equal(blockCount({ data }), sealedBlocks + plainBlockCount(plain));
    for (let index = 0; index < blockCount({ data }); index++) {
      const { offset, length } = blockRange({ data }, index);
      for (const byte of [offset, offset + length - 1]) assert.equal(blockAt({ data }, byte), index);
    }
  }
});
