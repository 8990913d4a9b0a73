import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRequestSlots } from './request-slots.ts';

const nobodyLeaves = new AbortController().signal;

test('PUSH-33 N70 one token and one repository get half of the slots; the rest stays for others', async () => {
  const slots = createRequestSlots({ slotsMax: 4, waitMs: 10 });
  const of = (token: string, repository: string) => slots.take([token, repository], nobodyLeaves);
  const first = await of('ann', 'docs');
  await of('ann', 'docs');
  await assert.rejects(of('ann', 'blog'), { code: 'RATE_LIMITED' });
  await assert.rejects(of('bob', 'docs'), { code: 'RATE_LIMITED' });
  await of('bob', 'blog');
  const waiting = of('ann', 'blog');
  first();
  await waiting;
  first();
  await of('cy', 'wiki');
  await assert.rejects(of('cy', 'wiki'), { code: 'RATE_LIMITED' });
});

test('PUSH-33 waiting is in order, ends when the client leaves, and passes over who cannot start yet', async () => {
  const slots = createRequestSlots({ slotsMax: 2, waitMs: 60_000 });
  const leaves = new AbortController();
  const order: string[] = [];
  const started: Record<string, () => void> = {};
  const take = async (name: string, keys: readonly string[], gone = nobodyLeaves): Promise<void> => {
    const give = await slots.take(keys, gone);
    order.push(name);
    started[name] = give;
  };
  await Promise.all([take('a', ['x']), take('b', ['y'])]);
  const gone = take('gone', ['z'], leaves.signal);
  const second = take('x2', ['x']);
  const third = take('z2', ['z']);
  leaves.abort();
  await assert.rejects(gone, { code: 'ABORTED' });
  started['b']?.();
  await third;
  started['a']?.();
  await second;
  assert.deepEqual(order, ['a', 'b', 'z2', 'x2']);
});
