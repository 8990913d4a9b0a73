// Where payloads wait, and which frames of a forged block are right.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { blockBytes } from '../../../model/assignment.ts';
import { createMctpLayout, type MctpSession } from '../../../protocol/mctp/mctp-session.ts';
import { createParityCodec } from '../fec/parity-codec.ts';
import { digestsOf, signedDigests } from '../wire/frame-digests.ts';
import { createBlockAssembly } from './block-assembly.ts';
import { createDigestLists } from './digest-lists.ts';

const session: MctpSession = {
  session: 1,
  sender: 'leader',
  assignment: 'a-1',
  repair: 'fec',
  framePayloadBytes: 1_441,
  manifestBytes: 0,
  sealedBytes: blockBytes + 5_000,
  plainBytes: 0,
  manifestHashes: [],
  receivers: 2,
};
const layout = createMctpLayout(session);
const codec = createParityCodec();
const frameBytes = session.framePayloadBytes;
const block = randomBytes(blockBytes);
const frame = (sequence: number): Buffer =>
  block.subarray(sequence * frameBytes, (sequence + 1) * frameBytes);

test('MCTP-78: a block of data frames, and of some with parity, is the block; places are used again', () => {
  const assembly = createBlockAssembly(layout, frameBytes, codec);
  for (let time = 0; time < 3; time += 1) {
    const parity = codec.encodeParity(block, frameBytes, [0, 7]);
    for (let sequence = 0; sequence < 91; sequence += 1)
      if (time === 0 || (sequence !== 3 && sequence !== 90)) assembly.keep(0, sequence, frame(sequence));
    if (time > 0) for (const [index, bytes] of parity.entries()) assembly.keep(0, 91 + 7 * index, bytes);
    const taken = assembly.take(0);
    assert.ok(taken);
    assert.ok(taken.equals(block));
    assembly.release(taken);
    assert.equal(assembly.take(0), undefined);
    assembly.keep(1, 0, frame(0));
    assembly.drop(1);
    assert.equal(assembly.bytes(), blockBytes);
  }
  assembly.keep(0, 0, frame(0));
  assert.equal(assembly.take(0), undefined, 'one frame is no block');
});

test('MCTP-79: of a forged block the right frames are kept, and no others admitted any more', () => {
  const lists = createDigestLists(layout, frameBytes);
  const parts = digestsOf(session, 0, block);
  assert.equal(parts.length, 2);
  const [first, second] = parts as [(typeof parts)[0], (typeof parts)[0]];
  const signed = (): boolean => true;
  assert.equal(lists.add(first, signed), 'refused', 'nobody wants it');
  const bad = Buffer.from(block);
  bad.fill(0, 5 * frameBytes, 6 * frameBytes);
  assert.ok(lists.want(0, bad));
  assert.ok(lists.admits(0, 5, bad.subarray(0, frameBytes)), 'there is no list yet');
  assert.equal(
    lists.add(first, () => false),
    'refused',
  );
  assert.equal(lists.add(first, signed), 'taken');
  assert.equal(lists.add(first, signed), 'refused', 'it is there');
  assert.equal(lists.add({ ...second, first: 200 }, signed), 'refused');
  assert.equal(lists.add(second, signed), 'whole');
  const kept = lists.kept(0);
  assert.equal(kept?.bytes, bad);
  assert.deepEqual(
    kept?.sequences,
    [...Array(91).keys()].filter((sequence) => sequence !== 5),
  );
  assert.ok(lists.admits(0, 5, frame(5)));
  assert.ok(!lists.admits(0, 5, frame(6)));
  assert.ok(!lists.admits(0, 91, frame(6)), 'parity has no digest');
  assert.ok(lists.admits(1, 0, frame(6)), 'another block');
  assert.equal(lists.forget(0), undefined, 'the bytes were given back');
});

test('MCTP-79: of sixteen forged blocks bytes are kept, and what is signed names the session and the place', () => {
  const many = createMctpLayout({ ...session, sealedBytes: 30 * blockBytes });
  const lists = createDigestLists(many, frameBytes);
  const kept = [...Array(20).keys()].filter((number) => lists.want(number, block));
  assert.equal(kept.length, 16);
  assert.equal(lists.forget(0), block);
  assert.ok(lists.want(25, block));
  const [part] = digestsOf(session, 0, block);
  assert.ok(part);
  const texts = [
    signedDigests(session, part),
    signedDigests({ ...session, session: 2 }, part),
    signedDigests({ ...session, assignment: 'a-2' }, part),
    signedDigests(session, { ...part, block: 1 }),
    signedDigests(session, { ...part, first: 1 }),
  ].map((bytes) => bytes.toString('hex'));
  assert.equal(new Set(texts).size, texts.length);
});
