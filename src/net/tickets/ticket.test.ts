import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { test } from 'node:test';
import { signObject } from '../../assignment/signed.ts';
import { generatePrivateKey } from '../tls/key-pair.ts';
import { issueTicket, segmentFetcher, verifyTicket } from './ticket.ts';

const key = generatePrivateKey();
const facts = { job: 'j-1', assignment: 'a'.repeat(64), fetcher: 'web-1', expiresAt: 2_000 };
const expected = {
  keys: [createPublicKey(key)],
  assignment: facts.assignment,
  fetcher: 'web-1',
  now: 1_999,
};
const refused = { code: 'TICKET_INVALID' };

test('LINK-14: a ticket is good for its node and assignment until its end', () => {
  const ticket = issueTicket(facts, key);
  assert.equal(verifyTicket(ticket, expected).job, 'j-1');
  assert.throws(() => verifyTicket(ticket, { ...expected, now: 2_000 }), refused);
  assert.throws(() => verifyTicket(ticket, { ...expected, fetcher: 'web-2' }), refused);
  assert.throws(() => verifyTicket(ticket, { ...expected, assignment: 'b'.repeat(64) }), refused);
});

test('LINK-14 LEAD-8: a ticket of a segment is good for the nodes of that segment alone', () => {
  const segment = 'c'.repeat(32);
  const ticket = issueTicket({ ...facts, fetcher: segmentFetcher(segment) }, key);
  assert.equal(verifyTicket(ticket, { ...expected, segment }).assignment, facts.assignment);
  for (const other of [undefined, null, 'd'.repeat(32)])
    assert.throws(
      () => verifyTicket(ticket, { ...expected, ...(other === undefined ? {} : { segment: other }) }),
      refused,
    );
  const own = issueTicket(facts, key);
  assert.equal(verifyTicket(own, { ...expected, segment }).fetcher, 'web-1', 'its own is good as ever');
});

test('LINK-14: forged, altered and malformed tickets are refused, and other signed objects are no tickets', () => {
  const altered = JSON.parse(Buffer.from(issueTicket(facts, key), 'base64url').toString()) as object;
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const wrong = [
    issueTicket(facts, generatePrivateKey()),
    encode({ ...altered, expiresAt: 3_000 }),
    encode({ ...altered, more: true }),
    encode(signObject({ version: 1, ...facts }, key)),
    encode(null),
    '',
    '!!!',
    'A'.repeat(10_000),
  ];
  for (const text of wrong) assert.throws(() => verifyTicket(text, expected), refused, text);
});
