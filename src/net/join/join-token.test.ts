import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatJoinToken, parseJoinToken } from './join-token.ts';

const token = {
  url: 'https://127.0.0.1:7443',
  secret: 's'.repeat(43),
  fingerprint: 'a'.repeat(64),
};

function encode(body: unknown): string {
  return `tcj_${Buffer.from(JSON.stringify(body)).toString('base64url')}`;
}

test('LINK-12: a token is read back, also with white space around it', () => {
  assert.match(formatJoinToken(token), /^tcj_[A-Za-z0-9_-]+$/);
  assert.deepEqual(parseJoinToken(`\n ${formatJoinToken(token)} \n`), token);
});

test('LINK-12: whatever is not exactly a token is refused with JOIN_TOKEN_INVALID', () => {
  const body = { u: token.url, s: token.secret, f: token.fingerprint };
  const wrong = [
    '',
    'tcj_',
    'tc_abc',
    formatJoinToken(token).slice(0, -3),
    `${formatJoinToken(token)}=`,
    encode({ ...body, x: 1 }),
    encode({ ...body, u: 'http://127.0.0.1' }),
    encode({ ...body, u: 'https://127.0.0.1/path' }),
    encode({ ...body, u: 'https://user:password@127.0.0.1' }),
    encode({ ...body, s: 'short' }),
    encode({ ...body, f: 'A'.repeat(64) }),
    encode([]),
    `tcj_${'A'.repeat(5_000)}`,
  ];
  for (const text of wrong) assert.throws(() => parseJoinToken(text), { code: 'JOIN_TOKEN_INVALID' }, text);
});

test('LINK-12: no text makes the parser throw anything else', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.base64String().map((text) => `tcj_${text}`),
      ),
      (text) => {
        assert.throws(() => parseJoinToken(text), { code: 'JOIN_TOKEN_INVALID' });
      },
    ),
  );
});
