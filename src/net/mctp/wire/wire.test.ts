// The bytes of a session: what is written is read, and nothing that arrives throws.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { MctpStatus } from '../../../protocol/mctp/mctp-messages.ts';
import { statusBytes } from '../../../protocol/mctp/mctp-messages.ts';
import { frameHeaderBytes } from '../../../protocol/mctp/mctp-session.ts';
import {
  type DatagramHeader,
  type DatagramKind,
  datagramKind,
  emptyHeader,
  readHeader,
  writeHeader,
} from './datagram-header.ts';
import {
  decodeDigests,
  decodeFetch,
  decodeRequest,
  decodeStatus,
  encodeDigests,
  encodeFetch,
  encodeRequest,
  encodeStatus,
} from './message-codec.ts';

const session = 0xfedc_ba98;
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u8 = fc.integer({ min: 0, max: 255 });
const kind = fc.constantFrom<DatagramKind[]>(...Object.values(datagramKind));
const plain = <T>(model: { [Key in keyof T]: fc.Arbitrary<T[Key]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true });
const header: fc.Arbitrary<DatagramHeader> = plain({
  kind,
  isLast: fc.boolean(),
  block: u32,
  sequence: u8,
  pass: u8,
  number: u32,
});
const range = fc
  .tuple(u32, u32)
  .filter(([a, b]) => a !== b)
  .map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));
const bytes = (constraints: fc.IntArrayConstraints) => fc.uint8Array(constraints);
const status: fc.Arbitrary<MctpStatus> = fc
  .record({
    round: u32,
    state: fc.constantFrom<MctpStatus['state'][]>('receiving', 'complete', 'failed', 'gone'),
    reason: fc.string({ maxLength: 40 }),
    asOf: u32,
    heard: u32,
    named: fc.array(plain({ block: u32, lacks: u8, frames: bytes({ maxLength: 32 }) }), { maxLength: 9 }),
    counted: fc.array(plain({ block: u32, lacks: u8, frames: fc.constant(null) }), { maxLength: 9 }),
    absent: fc.array(range, { maxLength: 9 }),
    forged: fc.array(u32, { maxLength: 9 }),
  })
  .map(({ named, counted, ...rest }) => ({
    type: 'status',
    session,
    ...rest,
    missing: [...named, ...counted],
  }));

function datagram(head: DatagramHeader, payload: Buffer): Buffer {
  const whole = Buffer.concat([Buffer.alloc(frameHeaderBytes), payload]);
  writeHeader(whole, session, head, payload.length);
  return whole;
}

test('MCTP-72: a header is read as it was written', () => {
  fc.assert(
    fc.property(header, bytes({ maxLength: 100 }), (head, payload) => {
      const into = emptyHeader();
      assert.equal(readHeader(datagram(head, Buffer.from(payload)), session, into), undefined);
      assert.deepEqual(into, head);
    }),
  );
});

test('MCTP-72: 28 bytes, each at its place', () => {
  const bytes28 = datagram(
    { kind: 1, isLast: true, block: 0x0102_0304, sequence: 0x5a, pass: 0x6b, number: 0x7c7d_7e7f },
    Buffer.alloc(0),
  );
  assert.equal(bytes28.toString('hex'), `544d0111fedcba98010203045a6b00007c7d7e7f${'00'.repeat(8)}`);
});

test('MCTP-72: what is wrong with a header is told apart', () => {
  const good = datagram({ ...emptyHeader(), kind: 1 }, Buffer.from('x'));
  const changed = (at: number, value: number): Buffer => {
    const copy = Buffer.from(good);
    copy[at] = value;
    return copy;
  };
  const judge = (from: Buffer): string | undefined => readHeader(from, session, emptyHeader());
  assert.equal(judge(good), undefined);
  assert.equal(judge(good.subarray(0, 27)), 'garbage');
  assert.equal(judge(changed(0, 0)), 'garbage');
  assert.equal(judge(changed(2, 2)), 'version');
  assert.equal(judge(changed(7, 0)), 'other-session');
  assert.equal(judge(changed(3, 0x00)), 'malformed');
  assert.equal(judge(changed(3, 0x90)), 'malformed');
  assert.equal(judge(changed(3, 0x12)), 'malformed');
  assert.equal(judge(changed(15, 2)), 'malformed');
  assert.equal(judge(Buffer.concat([good, good])), 'malformed');
});

test('MCTP-75: messages are read as they were written, and a status is no longer than the machines reckon', () => {
  fc.assert(
    fc.property(status, (message) => {
      const payload = encodeStatus(message);
      assert.deepEqual(decodeStatus(payload, session), message);
      if (Buffer.byteLength(message.reason) === message.reason.length)
        assert.ok(payload.length + frameHeaderBytes <= statusBytes(message));
    }),
  );
  const names = fc.array(fc.string({ minLength: 1, maxLength: 20 }), { maxLength: 20 });
  const bound = fc.option(fc.string({ minLength: 1, maxLength: 20 }));
  const asked = fc.oneof(plain({ missing: names }), plain({ received: names, after: bound, upTo: bound }));
  const request = fc.record({ round: u32, asked, spreadMs: u32, number: u32, upTo: u32 });
  fc.assert(
    fc.property(request, (fields) => {
      const message = { type: 'status-request', session, ...fields } as const;
      assert.deepEqual(decodeRequest(encodeRequest(message), session), message);
    }),
  );
  fc.assert(
    fc.property(fc.option(fc.array(range, { maxLength: 20 })), (blocks) => {
      const message = { type: 'fetch', session, blocks } as const;
      assert.deepEqual(decodeFetch(encodeFetch(message), session), message);
    }),
  );
  fc.assert(
    fc.property(u32, u8, fc.integer({ min: 1, max: 60 }), (block, first, count) => {
      const digests = Buffer.alloc(count * 16, count);
      const signature = Buffer.alloc(64, 9);
      const message = { type: 'digests', session, block, first, digests } as const;
      const read = decodeDigests(encodeDigests(message, signature), session);
      assert.deepEqual(read, { message, signature });
    }),
  );
});

test('MCTP-75: nothing that arrives throws, and what is cut short or goes on is none', () => {
  const decoders = [decodeStatus, decodeRequest, decodeFetch, decodeDigests];
  fc.assert(
    fc.property(bytes({ maxLength: 200 }), (noise) => {
      const payload = Buffer.from(noise);
      readHeader(payload, session, emptyHeader());
      for (const decode of decoders) decode(payload, session);
    }),
    { numRuns: 2_000 },
  );
  fc.assert(
    fc.property(status, fc.nat(), (message, cut) => {
      const payload = encodeStatus(message);
      assert.equal(decodeStatus(payload.subarray(0, cut % payload.length), session), undefined);
      assert.equal(decodeStatus(Buffer.concat([payload, Buffer.of(0)]), session), undefined);
    }),
  );
});

test('MCTP-12 MCTP-77: a status that no receiver says, since it is longer than a datagram, is none', () => {
  const short = {
    type: 'status',
    session,
    round: 0,
    state: 'receiving',
    reason: '',
    asOf: 1,
    heard: 1,
  } as const;
  const ranges = (count: number) => Array.from({ length: count }, (_, n) => ({ from: 2 * n, to: 2 * n + 1 }));
  const rest = { missing: [], forged: [] };
  assert.ok(decodeStatus(encodeStatus({ ...short, ...rest, absent: ranges(120) }), session) !== undefined);
  assert.equal(decodeStatus(encodeStatus({ ...short, ...rest, absent: ranges(7_000) }), session), undefined);
});
