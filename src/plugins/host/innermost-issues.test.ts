import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { innermostIssues } from './innermost-issues.ts';

const address = z.string().regex(/^\d/, 'is no address');
const schema = z.strictObject({
  servers: z.record(z.string().regex(/^[a-z]+$/, 'is no name'), z.union([address, z.array(address).min(1)])),
  at: z.union([z.literal('a'), z.strictObject({ port: z.number() })]).optional(),
});

function problems(value: unknown): string[] {
  const found = schema.safeParse(value).error?.issues ?? [];
  return innermostIssues(found).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

test('the words of the alternative that was meant, and of a key, are told with their place', () => {
  assert.deepEqual(problems({ servers: { one: 'x', two: ['1', 'y'], _: '1' } }), [
    'servers.one: is no address',
    'servers.two.1: is no address',
    'servers._: is no name',
  ]);
  assert.deepEqual(problems({ servers: {}, at: { port: 'x' } }), [
    'at.port: Invalid input: expected number, received string',
  ]);
});

test('where no alternative was meant, it stays with the message of the whole', () => {
  assert.deepEqual(problems({ servers: { one: 7 } }), ['servers.one: Invalid input']);
  assert.deepEqual(problems({ servers: 7 }), ['servers: Invalid input: expected record, received number']);
});
