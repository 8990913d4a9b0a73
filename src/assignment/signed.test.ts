import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { signObject, verifyObject } from './signed.ts';

const first = generateKeyPairSync('ed25519');
const second = generateKeyPairSync('ed25519');

describe('signed objects', () => {
  test('any key of the list may have signed, and no other', () => {
    const signed = signObject({ site: 'sample', release: { epoch: 0, sequence: 1 } }, second.privateKey);
    assert.equal(verifyObject(signed, second.publicKey), true);
    assert.equal(verifyObject(signed, [first.publicKey, second.publicKey]), true);
    assert.equal(verifyObject(signed, [first.publicKey]), false);
    assert.equal(verifyObject(signed, []), false);
  });

  test('field order does not matter; any other change is noticed', () => {
    const signed = signObject({ a: 1, b: 'x' }, first.privateKey);
    assert.equal(verifyObject({ signature: signed.signature, b: 'x', a: 1 }, first.publicKey), true);
    assert.equal(verifyObject({ ...signed, a: 2 }, first.publicKey), false);
    assert.equal(verifyObject({ ...signed, c: 1 }, first.publicKey), false);
    assert.equal(verifyObject({ ...signed, b: '\ud800' }, first.publicKey), false);
    assert.equal(verifyObject({ ...signed, signature: `${signed.signature}\n` }, first.publicKey), false);
    assert.equal(verifyObject({ ...signed, signature: '' }, first.publicKey), false);
  });
});
