import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { test } from 'node:test';
import { generatePrivateKey } from '../../net/tls/key-pair.ts';
import { createReleaseKeys } from './release-keys.ts';

const pem = (): string =>
  createPublicKey(generatePrivateKey()).export({ type: 'spki', format: 'pem' }) as string;

test('KEYS-11: the first release keys are believed, later ones only when believed ones vouch for them; a refusal changes nothing', () => {
  const [first, second, third, stranger] = [pem(), pem(), pem(), pem()];
  const keys = createReleaseKeys([]);
  keys.replace([first]);
  for (const named of [[stranger], [stranger, first], [second]]) {
    assert.throws(() => keys.replace(named), { code: 'RELEASE_KEY_UNKNOWN' });
    assert.deepEqual(keys.pems(), [first]);
  }
  keys.vouchedFor([third, second]);
  assert.throws(() => keys.replace([stranger, third]), { code: 'RELEASE_KEY_UNKNOWN' });
  keys.replace([third, second]);
  assert.deepEqual(keys.pems(), [third, second]);
  // What is named no more is believed no more, and no welcome brings a node back to believing the first one that comes.
  assert.throws(() => keys.replace([first]), { code: 'RELEASE_KEY_UNKNOWN' });
  keys.replace([]);
  assert.throws(() => keys.replace([stranger]), { code: 'RELEASE_KEY_UNKNOWN' });
  keys.replace([third]);
  assert.throws(() => keys.replace(['no key']), { code: 'MESSAGE_INVALID' });
  assert.deepEqual(keys.pems(), [third]);
});
