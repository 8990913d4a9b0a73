import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { canonicalJson } from './canonical-json.ts';

describe('canonical JSON', () => {
  test('RFC 8785: the example of section 3.2.2', () => {
    const value = {
      numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    };
    assert.equal(
      canonicalJson(value),
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  test('RFC 8785: keys are sorted by UTF-16 code units, as in section 3.2.3', () => {
    const value = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\u{1f600}': 5, '\u0080': 6, '\u00f6': 7 };
    assert.deepEqual(Object.values(JSON.parse(canonicalJson(value))), [4, 2, 6, 7, 1, 5, 3]);
  });

  test('RFC 8785: minus zero is written as zero (container test, seed 217046470)', () => {
    assert.equal(canonicalJson({ a: { '': -0 } }), '{"a":{"":0}}');
  });

  test('the order in which keys were set does not matter, and the value survives', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const wellFormed = JSON.parse(JSON.stringify(value)) as unknown;
        const text = canonicalJson(wellFormed);
        assert.deepEqual(JSON.parse(text), wellFormed);
        assert.equal(canonicalJson(JSON.parse(text)), text);
      }),
    );
  });

  test('what has no canonical form is refused', () => {
    let deep: unknown = 1;
    for (let i = 0; i < 65; i++) deep = [deep];
    for (const value of [
      undefined,
      { a: undefined },
      Number.NaN,
      Number.POSITIVE_INFINITY,
      1n,
      '\ud800',
      { '\udc00': 1 },
      new Date(0),
      deep,
      [() => 1],
    ]) {
      assert.throws(() => canonicalJson(value), { code: 'INVALID_INPUT' });
    }
  });
});
