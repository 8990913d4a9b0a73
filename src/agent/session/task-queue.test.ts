import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTaskQueue } from './task-queue.ts';

function record(): { readonly log: string[]; readonly queue: ReturnType<typeof createTaskQueue> } {
  const log: string[] = [];
  const queue = createTaskQueue({
    onError: (error) => log.push(`error ${(error as Error).message}`),
    onIdle: () => log.push('idle'),
  });
  return { log, queue };
}

test('a task that finds the queue idle starts in the same turn', () => {
  const { log, queue } = record();
  queue.push(async () => void log.push('ran'));
  assert.deepEqual(log, ['ran']);
});

test('tasks run one after another, also those pushed by a task, and one that throws stops no other', async () => {
  const { log, queue } = record();
  queue.push(async () => {
    log.push('a starts');
    queue.push(async () => void log.push('c'));
    await new Promise((resolve) => setImmediate(resolve));
    log.push('a ends');
    throw new Error('of a');
  });
  queue.push(async () => void log.push('b'));
  await queue.idle();
  assert.deepEqual(log, ['a starts', 'a ends', 'error of a', 'c', 'b', 'idle']);
});
