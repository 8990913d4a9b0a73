import assert from 'node:assert/strict';
import { createPublicKey, type KeyObject } from 'node:crypto';
import { test } from 'node:test';
import { generatePrivateKey } from '../tls/key-pair.ts';
import {
  followStatements,
  type KeyStatement,
  keyIdOf,
  keysAnswerSchema,
  stateNextKey,
} from './key-statement.ts';

const publicPem = (key: KeyObject): string =>
  createPublicKey(key).export({ type: 'spki', format: 'pem' }) as string;

/** Release keys, each vouched for by the one before it. */
function chain(length: number): { pems: string[]; keys: KeyObject[]; statements: KeyStatement[] } {
  const keys = Array.from({ length }, () => generatePrivateKey());
  const pems = keys.map(publicPem);
  const statements = keys.slice(1).map((_, index) =>
    stateNextKey(
      {
        kind: 'release',
        previous: keyIdOf('release', pems[index] ?? ''),
        next: pems[index + 1] ?? '',
        at: index,
      },
      keys[index] as KeyObject,
    ),
  );
  return { pems, keys, statements };
}

test('KEYS-9 N64: from any key all later ones are reached, over any number of rotations, newest first, in any order of the statements', () => {
  const { pems, statements } = chain(6);
  assert.doesNotThrow(() => keysAnswerSchema.parse({ version: 1, statements }));
  for (const [index, pem] of pems.entries()) {
    const later = pems.slice(index + 1).reverse();
    assert.deepEqual(followStatements('release', [pem], statements), later);
    assert.deepEqual(followStatements('release', [pem], statements.toReversed()), later);
  }
  assert.deepEqual(
    followStatements('release', [pems[2] ?? '', pems[1] ?? ''], statements),
    pems.slice(3).reverse(),
  );
});

test('KEYS-9: a statement counts only as it was signed, by the key it names, for its kind, and without gaps', () => {
  const { pems, keys, statements } = chain(3);
  const [first, second] = statements as [KeyStatement, KeyStatement];
  const stranger = generatePrivateKey();
  const forged: KeyStatement[] = [
    { ...first, next: publicPem(stranger) },
    stateNextKey({ ...first, next: publicPem(stranger) }, stranger),
    stateNextKey({ ...first, next: publicPem(stranger) }, keys[1] as KeyObject),
    stateNextKey({ ...first, next: 'no key' }, keys[0] as KeyObject),
    { ...first, kind: 'ca' },
  ];
  for (const statement of forged) {
    assert.deepEqual(followStatements('release', [pems[0] ?? ''], [statement, second]), []);
  }
  assert.deepEqual(followStatements('release', [pems[0] ?? ''], [second]), []);
  const circle = stateNextKey(
    { kind: 'release', previous: second.previous, next: pems[0] ?? '', at: 0 },
    keys[1] as KeyObject,
  );
  assert.deepEqual(followStatements('release', [pems[0] ?? ''], [first, circle]), [pems[1]]);
});
