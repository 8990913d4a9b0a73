import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { test } from 'node:test';
import { signObject } from '../../assignment/signed.ts';
import type { HandOut } from '../../model/tree-messages.ts';
import { issueTicket } from '../tickets/ticket.ts';
import { generatePrivateKey } from '../tls/key-pair.ts';
import { handOutBytesMax, signHandOut, verifyHandOut } from './hand-out.ts';

const key = generatePrivateKey();
const ccm = 'c'.repeat(32);
const handOut: HandOut = {
  version: 1,
  purpose: 'hand-out',
  ccm,
  job: 'j'.repeat(128),
  site: 's'.repeat(64),
  assignment: 'a'.repeat(64),
  manifestBytes: 1_000,
  dataBytes: Number.MAX_SAFE_INTEGER,
  node: 'web-1',
  segment: 'd'.repeat(32),
  number: Number.MAX_SAFE_INTEGER,
  sources: [
    { part: 0, parts: 2, node: 'n'.repeat(64), address: '1'.repeat(64), port: 65_535 },
    { part: 1, parts: 2, node: null, address: null, port: null },
  ],
  ticket: issueTicket(
    {
      ccm,
      job: 'j'.repeat(128),
      assignment: 'a'.repeat(64),
      fetcher: 'n'.repeat(64),
      expiresAt: Number.MAX_SAFE_INTEGER,
    },
    key,
  ),
  expiresAt: 2_000,
};
const expected = { keys: [createPublicKey(key)], node: 'web-1', now: 1_999 };
const signed = signHandOut(handOut, key);
const overTheWire = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test('N19: a hand-out is believed for its node until its end, whoever brings it, and is small', () => {
  assert.deepEqual(verifyHandOut(overTheWire(signed), expected), handOut);
  assert.ok(JSON.stringify(signed).length < handOutBytesMax);
  for (const other of [{ now: 2_000 }, { node: 'web-2' }, { keys: [createPublicKey(generatePrivateKey())] }])
    assert.throws(() => verifyHandOut(signed, { ...expected, ...other }), { code: 'TICKET_INVALID' });
});

test('N19: an altered hand-out is refused, and so is what is none', () => {
  for (const altered of [
    { number: 1 },
    { segment: 'e'.repeat(32) },
    { expiresAt: 3_000 },
    { sources: [{ part: 0, parts: 1, node: null, address: null, port: null }] },
  ])
    assert.throws(() => verifyHandOut({ ...signed, ...altered }, expected), { code: 'TICKET_INVALID' });
  const [first, second] = handOut.sources;
  for (const wrong of [
    null,
    {},
    'text',
    { ...signed, more: true },
    signObject({ ...handOut, purpose: 'fetch' }, key),
    signObject({ ...handOut, sources: [] }, key),
    signObject({ ...handOut, sources: [first] }, key),
    signObject({ ...handOut, sources: [second, first] }, key),
    signObject({ ...handOut, sources: [first, first] }, key),
    signObject({ ...handOut, ticket: 'x'.repeat(2_000) }, key),
  ])
    assert.throws(() => verifyHandOut(wrong, expected), { code: 'MESSAGE_INVALID' }, JSON.stringify(wrong));
});
