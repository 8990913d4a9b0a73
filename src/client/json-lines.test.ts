import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { jsonLines } from './json-lines.ts';

function streamOf(bytes: Uint8Array, cuts: readonly number[]): ReadableStream<Uint8Array> {
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  let from = 0;
  return ReadableStream.from(
    ends.map((end) => {
      const chunk = bytes.subarray(from, end);
      from = end;
      return chunk;
    }),
  );
}

async function readAll(stream: ReadableStream<Uint8Array>): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const value of jsonLines(stream)) values.push(value);
  return values;
}

test('values come whole however the bytes are cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.jsonValue()),
      fc.array(fc.nat()),
      fc.boolean(),
      async (values, cuts, closed) => {
        const text = values.map((value) => JSON.stringify(value)).join('\n') + (closed ? '\n' : '');
        const read = await readAll(streamOf(Buffer.from(text), cuts));
        assert.deepEqual(read, JSON.parse(JSON.stringify(values)));
      },
    ),
  );
});

test('a line that is no JSON, or without end, is refused', async () => {
  const read = (text: string) => readAll(streamOf(Buffer.from(text), []));
  await assert.rejects(read('{}\n{'), { code: 'MESSAGE_INVALID' });
  await assert.rejects(read('x'.repeat(16_777_217)), { code: 'MESSAGE_INVALID' });
});
