// The order of effects: what must be durable is, before anything behind it is sent.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import type { Effect } from '../../protocol/machine.ts';
import { createEffectRunner } from './effect-runner.ts';

const group = { group: true } as const;
const send = (message: string): Effect<string, string, string> => ({ effect: 'send', to: group, message });
const persist = (state: string, ...messages: string[]): Effect<string, string, string> => ({
  effect: 'persist',
  state,
  thenSend: messages.map((message) => ({ to: group, message })),
});

/** Writes end when the test says so. */
function setUp() {
  const done: string[] = [];
  const writes: { readonly state: string; readonly end: (error?: Error) => void }[] = [];
  const runner = createEffectRunner<string, string, string>({
    send: ({ message }) => void done.push(`send ${message}`),
    persist: (state) =>
      new Promise((resolve, reject) => {
        writes.push({
          state,
          end(error) {
            if (error !== undefined) return reject(error);
            done.push(`durable ${state}`);
            resolve();
          },
        });
      }),
    deliver: (fact) => void done.push(`fact ${fact}`),
    log: (event) => void done.push(`log ${event}`),
    onPersistFailed() {
      done.push('failed');
      runner.add(send('after the failure'));
    },
  });
  return { runner, done, writes };
}

test('CHAN-18: without anything to write, effects happen at once and in order', () => {
  const { runner, done } = setUp();
  runner.add(send('a'));
  runner.add({ effect: 'deliver', fact: 'b' });
  runner.add({ effect: 'log', event: 'c', data: {} });
  assert.deepEqual(done, ['send a', 'fact b', 'log c']);
});

test('CHAN-18: nothing that comes behind a write goes out before it is durable', async () => {
  const { runner, done, writes } = setUp();
  runner.add(persist('1', 'claim'));
  runner.add(send('a'));
  runner.add(persist('2', 'alive'));
  runner.add({ effect: 'deliver', fact: 'leader' });
  assert.deepEqual(done, []);
  assert.equal(writes.length, 1);
  writes[0]?.end();
  await nextTurn();
  assert.deepEqual(done, ['durable 1', 'send claim', 'send a']);
  writes[1]?.end();
  await runner.idle();
  assert.deepEqual(done.slice(3), ['durable 2', 'send alive', 'fact leader']);
});

test('CHAN-18: when a write fails nothing of it is sent, nor any message that waited behind it; facts still are', async () => {
  const { runner, done, writes } = setUp();
  runner.add(persist('1', 'claim'));
  runner.add(send('a'));
  runner.add({ effect: 'deliver', fact: 'leader' });
  writes[0]?.end(new Error('no space'));
  await runner.idle();
  assert.deepEqual(done, ['failed', 'fact leader', 'send after the failure']);
});

test('CHAN-18: whatever is written in whatever time, what was sent was durable before', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.boolean(), fc.nat(3)), { maxLength: 20 }), async (steps) => {
      const { runner, done, writes } = setUp();
      let states = 0;
      for (const [isWrite, ends] of steps) {
        if (isWrite) states += 1;
        runner.add(isWrite ? persist(`${states}`, `of ${states}`) : send(`behind ${states}`));
        for (let count = 0; count < ends; count += 1) {
          writes.shift()?.end();
          await Promise.resolve();
        }
      }
      let isIdle = false;
      const idle = runner.idle().then(() => {
        isIdle = true;
      });
      while (!isIdle) {
        writes.shift()?.end();
        await nextTurn();
      }
      await idle;
      let durable = 0;
      for (const line of done) {
        if (line.startsWith('durable')) durable += 1;
        else
          assert.ok(Number(line.split(' ').at(-1)) <= durable, `${line} came too early: ${done.join(', ')}`);
      }
      assert.equal(durable, states);
      assert.equal(done.length, steps.length + states);
    }),
    { seed: 20_261_128, numRuns: 300 },
  );
});
