import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createEventQueue } from './event-queue.ts';

test('X16: events happen by time, those of one instant in the order in which they were added', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 200 }), (times) => {
      const queue = createEventQueue();
      const seen: [number, number][] = [];
      times.forEach((time, index) => {
        queue.add(time, () => seen.push([queue.now(), index]), null, index);
      });
      queue.runUntil(100);
      const expected = times
        .map((time, index): [number, number] => [time, index])
        .sort(([a, i], [b, j]) => a - b || i - j);
      assert.deepEqual(seen, expected);
      assert.equal(queue.count(), times.length);
      assert.equal(queue.now(), 100);
    }),
  );
});

test('X16: events may add events; what lies in the past happens now; a stop ends behind its event', () => {
  const queue = createEventQueue();
  const seen: string[] = [];
  const note = (name: string): void => void seen.push(`${name}@${queue.now()}`);
  queue.add(
    5,
    (name: string, index) => {
      note(name);
      queue.add(1, note, 'late', 0);
      queue.add(5 + index, note, 'next', 0);
      queue.add(30, note, 'beyond', 0);
    },
    'first',
    7,
  );
  queue.runUntil(20);
  assert.deepEqual(seen, ['first@5', 'late@5', 'next@12']);
  queue.add(25, () => queue.stop(), null, 0);
  queue.runUntil(40);
  assert.equal(queue.now(), 25);
  queue.runUntil(40);
  assert.deepEqual(seen.slice(3), ['beyond@30']);
});
