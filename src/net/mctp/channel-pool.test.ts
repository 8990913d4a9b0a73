// The pool of data channels, and what a notice may say.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultPools, freeChannel, poolAddress, poolSize } from './channel-pool.ts';
import { mctpNoticeSchema } from './mctp-session.ts';

test('MCTP-30: sixteen addresses a pool, in both families', () => {
  const all = (family: 4 | 6) =>
    Array.from({ length: poolSize }, (_, number) => poolAddress(defaultPools[family], number));
  assert.equal(new Set(all(4)).size, 16);
  assert.deepEqual(all(4).slice(-2), ['239.255.84.15', '239.255.84.16']);
  assert.deepEqual(all(6).slice(-2), ['ff15::5443:f', 'ff15::5443:10']);
});

test('MCTP-30: a session takes a channel without another one as long as there is one', () => {
  const inUse: number[] = [];
  for (let session = 0; session < poolSize; session += 1) inUse.push(freeChannel(inUse, 5));
  assert.equal(inUse[0], 5);
  assert.equal(new Set(inUse).size, poolSize);
  assert.equal(freeChannel(inUse, 3), 3);
  assert.equal(freeChannel([...inUse, 3], 3), 4);
});

const notice = {
  version: 1,
  session: '00112233445566ff',
  group: '239.255.84.1',
  port: 17_460,
  sender: { address: '10.0.0.1', port: 40_000 },
  receiver: 3,
  receivers: 4,
  sessionKey: Buffer.alloc(16, 1).toString('base64'),
  pairKey: Buffer.alloc(16, 2).toString('base64'),
  pieces: [{ bytes: 700, sha256: 'ab'.repeat(32) }],
  blocks: [
    { count: 3, bytes: 131_072 },
    { count: 1, bytes: 17 },
  ],
  frameBytes: 1_400,
  repair: 'arq',
};

test('MCTP-31: a notice is what it should be, or none', () => {
  assert.ok(mctpNoticeSchema.safeParse(notice).success);
  const wrong: Record<string, unknown>[] = [
    { version: 2 },
    { session: '00' },
    { group: 'somewhere' },
    { port: 0 },
    { receiver: 1_024 },
    { sessionKey: Buffer.alloc(15).toString('base64') },
    { pairKey: 'x' },
    { pieces: [{ bytes: 131_073, sha256: 'ab'.repeat(32) }] },
    { pieces: Array.from({ length: 17 }, () => notice.pieces[0]) },
    { blocks: [{ count: 1, bytes: 131_073 }] },
    { frameBytes: 9_000 },
    { repair: 'both' },
    { more: 1 },
  ];
  for (const change of wrong) {
    assert.ok(!mctpNoticeSchema.safeParse({ ...notice, ...change }).success, JSON.stringify(change));
  }
});
