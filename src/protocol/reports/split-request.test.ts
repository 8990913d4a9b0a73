import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAsked, requestBytesMax, splitRequest } from './split-request.ts';

const fewNames = fc.uniqueArray(fc.stringMatching(/^[a-z0-9-]{1,63}$/), { maxLength: 40 });
/** Enough for several parts, whichever are named. */
const manyNames = fc.constant(Array.from({ length: 200 }, (_, index) => `${index}`.padStart(40, 'n')));
const nodeNames = fc.oneof(fewNames, manyNames);

test('RPT-4 RPT-11: a request means exactly those who are missing, names the fewer, and each part fits and counts by itself', () => {
  fc.assert(
    fc.property(nodeNames, fc.infiniteStream(fc.boolean()), (names, coins) => {
      const sorted = names.toSorted();
      const missing: string[] = [];
      const others: string[] = [];
      for (const node of sorted) (coins.next().value ? missing : others).push(node);
      const parts = splitRequest(missing, others);
      const named = parts.flatMap((part) => ('missing' in part ? part.missing : part.received));
      assert.ok(named.length <= Math.min(missing.length, others.length));
      for (const node of sorted)
        assert.equal(
          parts.filter((part) => isAsked(node, part)).length,
          missing.includes(node) ? 1 : 0,
          node,
        );
      for (const part of parts) {
        const nodes = 'missing' in part ? part.missing : part.received;
        assert.ok(nodes.join(' ').length <= requestBytesMax);
      }
    }),
  );
});
