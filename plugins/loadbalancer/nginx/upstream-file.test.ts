import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseUpstream, renderUpstream } from './upstream-file.ts';

const server = fc.record(
  {
    address: fc
      .tuple(fc.domain(), fc.integer({ min: 1, max: 65_535 }))
      .map(([host, port]) => `${host}:${port}`),
    out: fc.boolean(),
    weight: fc.integer({ min: 1, max: 1000 }),
  },
  { noNullPrototype: true },
);

test('the upstream file is read back as written; any change of a byte is noticed', () => {
  fc.assert(
    fc.property(
      fc.array(server, { maxLength: 6 }),
      fc.constantFrom('', 'max_fails=3 fail_timeout=10s', 'backup'),
      fc.nat(),
      (servers, parameters, at) => {
        const text = renderUpstream(servers, parameters);
        assert.deepEqual(parseUpstream(text), servers);
        const place = at % text.length;
        const changed = `${text.slice(0, place)}${text[place] === '~' ? '!' : '~'}${text.slice(place + 1)}`;
        assert.equal(parseUpstream(changed), undefined);
      },
    ),
  );
});
