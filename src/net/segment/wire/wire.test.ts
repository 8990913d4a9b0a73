// Datagrams: what is written is read back, every bound holds, and no bytes of anybody make it throw.

import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ControlMessage } from '../../../model/segment.ts';
import { anyMessage, sampleMessages } from '../testing/sample-messages.ts';
import { addresseeMark, decodeDatagram, type Envelope, encodeDatagram, envelopeBytes } from './envelope.ts';
import { isDriverMessage, type SegmentMessage } from './segment-message.ts';
import { splitMessage } from './split-message.ts';
import { datagramBytesMax } from './wire-limits.ts';

/** The Ed25519 key whose seed is 32 times 0x07. */
const key = createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, 7)]),
  format: 'der',
  type: 'pkcs8',
});
const signWith = (bytes: Buffer): Buffer => sign(null, bytes, key);
const envelope: Envelope = {
  segment: '000102030405060708090a0b0c0d0e0f',
  fingerprint: 'c3'.repeat(32),
  boot: 4_000_000_000,
  counter: 2 ** 48 - 2,
  wantsUnicast: false,
};
const encode = (message: SegmentMessage): Buffer => encodeDatagram(envelope, 'group', message, signWith);

const goldenFile = join(import.meta.dirname, 'golden', 'version-1.txt');

test('CHAN-1: version 1 is these bytes, for good', () => {
  const lines = sampleMessages.map((message) => `${message.type} ${encode(message).toString('hex')}`);
  if (process.env['WRITE_GOLDEN'] === '1') writeFileSync(goldenFile, `${lines.join('\n')}\n`);
  assert.deepEqual(lines, readFileSync(goldenFile, 'utf8').trim().split('\n'));
});

test('CHAN-1: what is written is read back, and its signature is over all of it', () => {
  fc.assert(
    fc.property(
      anyMessage,
      fc.boolean(),
      fc.constantFrom('group' as const, 'anyone' as const, { node: 'web-1' }),
      (message, wantsUnicast, to) => {
        const parts = isDriverMessage(message) ? [message] : splitMessage(message);
        for (const part of parts) {
          const datagram = encodeDatagram({ ...envelope, wantsUnicast }, to, part, signWith);
          const opened = decodeDatagram(datagram);
          assert.ok(typeof opened === 'object');
          const { segment, fingerprint, boot, counter } = opened;
          assert.deepEqual(
            { segment, fingerprint, boot, counter, wantsUnicast: opened.wantsUnicast },
            { ...envelope, wantsUnicast },
          );
          assert.equal(opened.to, typeof to === 'string' ? to : 'node');
          if (typeof to === 'object') assert.equal(opened.mark, addresseeMark(to.node));
          assert.deepEqual(opened.message(), part);
          assert.ok(verify(null, opened.signed, createPublicKey(key), opened.signature));
        }
      },
    ),
    { seed: 20_261_128, numRuns: 500 },
  );
});

test('CHAN-2: no byte can be changed without the signature or the format noticing', () => {
  for (const message of sampleMessages) {
    const datagram = encode(message);
    for (let at = 0; at < datagram.length; at += 1) {
      const forged = Buffer.from(datagram);
      forged[at] = (forged[at] as number) ^ 0x41;
      const opened = decodeDatagram(forged);
      if (typeof opened === 'string') continue;
      assert.equal(
        verify(null, opened.signed, createPublicKey(key), opened.signature),
        false,
        `${message.type} ${at}`,
      );
    }
  }
});

test('CHAN-3: garbage, truncated and lengthened datagrams, and those of another version, are told apart and never thrown', () => {
  const reasons = new Set<string>();
  const look = (bytes: Buffer): void => {
    const opened = decodeDatagram(bytes);
    reasons.add(typeof opened === 'string' ? opened : opened.message() === undefined ? 'malformed' : 'read');
  };
  for (const message of sampleMessages) {
    const datagram = encode(message);
    for (let length = 0; length < datagram.length; length += 1) look(datagram.subarray(0, length));
    const longer = Buffer.concat([datagram, Buffer.alloc(3)]);
    assert.ok(message.type === 'present' || decodedMessage(longer) === undefined, message.type);
    const other = Buffer.from(datagram);
    other[3] = 2;
    assert.equal(decodeDatagram(other), 'version');
  }
  assert.equal(decodeDatagram(Buffer.alloc(0)), 'garbage');
  assert.equal(decodeDatagram(Buffer.alloc(2_000)), 'garbage');
  const valid = sampleMessages.map(encode);
  fc.assert(
    fc.property(
      fc.constantFrom(...valid),
      fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 20 }),
      fc.uint8Array({ maxLength: 1_500 }),
      (datagram, changes, noise) => {
        const changed = Buffer.from(datagram);
        for (const [at, byte] of changes) if (at < changed.length) changed[at] = byte;
        look(changed);
        look(Buffer.from(noise));
        look(Buffer.concat([datagram.subarray(0, 4), noise]));
      },
    ),
    { seed: 20_261_128, numRuns: 5_000 },
  );
  assert.deepEqual([...reasons].sort(), ['garbage', 'malformed', 'read', 'version']);
});

function decodedMessage(bytes: Buffer): SegmentMessage | undefined {
  const opened = decodeDatagram(bytes);
  return typeof opened === 'string' ? undefined : opened.message();
}

test('CHAN-3: bodies that break a bound are refused: each by one field that is wrong', () => {
  const change = (
    message: SegmentMessage,
    at: number,
    bytes: readonly number[],
  ): SegmentMessage | undefined => {
    const datagram = Buffer.from(encode(message));
    datagram.set(bytes, envelopeBytes - 64 + at);
    return decodedMessage(datagram);
  };
  const byType = new Map(sampleMessages.map((message) => [message.type, message]));
  const of = (type: SegmentMessage['type']): SegmentMessage => byType.get(type) as SegmentMessage;
  const claim = of('leader-claim');
  assert.deepEqual(change(claim, 0, []), claim);
  assert.equal(change(claim, 6, [0x7f, 0xf8, 0, 0, 0, 0, 0, 0]), undefined, 'NaN');
  assert.equal(change(claim, 6, [0x7f, 0xf0, 0, 0, 0, 0, 0, 0]), undefined, 'infinite');
  assert.equal(change(claim, 6, [0x80, 0, 0, 0, 0, 0, 0, 0]), undefined, 'minus zero');
  const register = of('register');
  assert.equal(change(register, 7, [0x2e]), undefined, 'a name that is none');
  assert.equal(change(register, 12, [0xff]), undefined, 'a number above 2^53');
  assert.equal(change(register, 21, [0x39, 0x39, 0x39]), undefined, 'an address that is none');
  assert.equal(change(register, 30, [0, 0]), undefined, 'port 0');
  const list = of('member-list');
  assert.equal(change(list, 12, [0, 1]), undefined, 'a part beyond its list');
  assert.equal(change(list, 16, [3]), undefined, 'more members than there are');
  assert.equal(change(of('certificate'), 14, [0xff, 0xff]), undefined, 'a certificate that is too long');
  assert.equal(change(of('probe'), 8, [32]), undefined, 'a probe beyond its series');
  assert.equal(change(of('probe'), 13, [1]), undefined, 'padding that says something');
});

test('CHAN-4: lists are split to what a datagram carries, in order and with nobody left out', () => {
  const members = Array.from({ length: 1_000 }, (_, index) => ({
    node: `web-${'x'.repeat(index % 50)}-${index}`,
    address: index % 3 === 0 ? '2001:db8:85a3:1234:5678:8a2e:370:7334' : `10.77.${index >> 8}.${index % 256}`,
    port: 7448,
    nonce: index,
    online: index % 2 === 0,
  }));
  const split = (message: ControlMessage): ControlMessage[] => {
    const parts = splitMessage(message);
    for (const part of parts) assert.ok(encode(part).length <= datagramBytesMax);
    return [...parts];
  };
  const list: ControlMessage = { type: 'member-list', term: 1, list: 9, part: 0, parts: 1, members };
  const lists = split(list).filter((part) => part.type === 'member-list');
  assert.ok(lists.length > 10 && lists.length < 80, `${lists.length} parts`);
  assert.deepEqual(
    lists.map(({ part, parts }) => [part, parts]),
    lists.map((_, part) => [part, lists.length]),
  );
  assert.deepEqual(
    lists.flatMap((part) => part.members),
    members,
  );
  const nodes = members.map(({ node }) => node);
  const solicits = split({ type: 'solicit', term: 1, nodes }).filter((part) => part.type === 'solicit');
  assert.deepEqual(
    solicits.flatMap((part) => part.nodes),
    nodes,
  );
  const short = Array.from({ length: 700 }, (_, index) => index.toString(36));
  assert.equal(split({ type: 'solicit', term: 1, nodes: short }).length, 3, 'a count is one byte');
  assert.deepEqual(split({ ...list, members: [] }), [{ ...list, members: [] }]);
  assert.deepEqual(split({ type: 'solicit', term: 1, nodes: [] }), [{ type: 'solicit', term: 1, nodes: [] }]);
});

test('CHAN-5: an LA has at most 250 bytes, whatever it says', () => {
  const longest: SegmentMessage = {
    type: 'leader-alive',
    term: 2 ** 48 - 1,
    priority: Number.MAX_VALUE,
    accepted: true,
    list: 2 ** 48 - 1,
    revocations: 2 ** 48 - 1,
    move: {
      segment: 'ff'.repeat(16),
      channel: { transport: 'multicast', group: 'ff15:1234:5678:9abc:def0:1234:5678:9abc', port: 65_535 },
      afterMs: 2 ** 32 - 1,
    },
  };
  assert.ok(encode(longest).length <= 250, `${encode(longest).length} bytes`);
  const here = sampleMessages.find(({ type }) => type === 'here') as SegmentMessage;
  assert.ok(encode(here).length <= 170);
});

test('CHAN-1: what no datagram can carry is refused before it is sent', () => {
  const [alive] = sampleMessages as [SegmentMessage];
  assert.ok(alive.type === 'leader-alive');
  for (const message of [
    { ...alive, term: -1 },
    { ...alive, term: 2 ** 48 },
    { ...alive, priority: Number.NaN },
  ]) {
    assert.throws(() => encode(message), RangeError);
  }
  const register = sampleMessages.find(({ type }) => type === 'register');
  assert.ok(register?.type === 'register');
  assert.throws(
    () => encode({ ...register, capabilities: Array.from({ length: 250 }, () => 'capability') }),
    RangeError,
  );
});
