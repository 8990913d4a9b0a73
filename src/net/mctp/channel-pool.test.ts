// The pool of data channels, and what a notice may say.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultPools, freeChannel, poolAddress, poolSize } from './channel-pool.ts';
import { mctpJoinSchema, mctpNoticeSchema } from './mctp-session.ts';

test('MCTP-70: sixteen addresses a pool, in both families', () => {
  const all = (family: 4 | 6) =>
    Array.from({ length: poolSize }, (_, number) => poolAddress(defaultPools[family], number));
  assert.equal(new Set(all(4)).size, 16);
  assert.deepEqual(all(4).slice(-2), ['239.255.84.15', '239.255.84.16']);
  assert.deepEqual(all(6).slice(-2), ['ff15::5443:f', 'ff15::5443:10']);
});

test('MCTP-70: a session takes a channel without another one as long as there is one', () => {
  const inUse: number[] = [];
  for (let session = 0; session < poolSize; session += 1) inUse.push(freeChannel(inUse, 5));
  assert.equal(inUse[0], 5);
  assert.equal(new Set(inUse).size, poolSize);
  assert.equal(freeChannel(inUse, 3), 3);
  assert.equal(freeChannel([...inUse, 3], 3), 4);
});

const notice = {
  version: 1,
  announcement: {
    session: 0xfedc_ba98,
    sender: 'web-1',
    assignment: 'a-1',
    repair: 'arq',
    framePayloadBytes: 1_441,
    manifestBytes: 700,
    sealedBytes: 300_000,
    plainBytes: 0,
    manifestHashes: ['ab'.repeat(32)],
    receivers: 4,
  },
  group: '239.255.84.1',
  port: 17_460,
  sender: { address: '10.0.0.1', port: 40_000 },
  receiver: 3,
  sessionKey: Buffer.alloc(16, 1).toString('base64'),
  pairKey: Buffer.alloc(16, 2).toString('base64'),
};

test('MCTP-71: a notice is what it should be, or none', () => {
  assert.ok(mctpNoticeSchema.safeParse(notice).success);
  const { announcement } = notice;
  const wrong: Record<string, unknown>[] = [
    { version: 2 },
    { group: 'somewhere' },
    { port: 0 },
    { receiver: 1_024 },
    { sessionKey: Buffer.alloc(15).toString('base64') },
    { pairKey: 'x' },
    { more: 1 },
    { announcement: { ...announcement, session: -1 } },
    { announcement: { ...announcement, repair: 'both' } },
    { announcement: { ...announcement, manifestHashes: ['ab'] } },
    { announcement: { ...announcement, sealedBytes: '1' } },
  ];
  for (const change of wrong) {
    assert.ok(!mctpNoticeSchema.safeParse({ ...notice, ...change }).success, JSON.stringify(change));
  }
  assert.ok(mctpJoinSchema.safeParse({ lacks: [{ from: 0, to: 4 }] }).success);
  assert.ok(!mctpJoinSchema.safeParse({ lacks: [{ from: -1, to: 4 }] }).success);
});
