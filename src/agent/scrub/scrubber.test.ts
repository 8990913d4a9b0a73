// When a pass begins. What passes find and do is tested with real agents (test/e2e/drift.test.ts).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../net/clock.ts';
import { createScrubber } from './scrubber.ts';

test('N44 a policy that is changed before anything is live leaves the agent its event loop', async () => {
  const rests: (() => void)[] = [];
  const clock: Clock = {
    now: () => 0,
    after(_, run) {
      rests.push(run);
      return () => undefined;
    },
  };
  let looked = 0;
  const state = { began: null, after: null, passedAt: null, drifted: [] };
  const scrubber = createScrubber({
    site: 'docs',
    budget: { spend: () => undefined },
    everyMs: 1_000,
    store: () => {
      // A loop that never lets go would hold up this test, too.
      if (++looked > 100) throw new Error('it spins');
      return null;
    },
    whenIdle: async () => undefined,
    examine: async () => undefined,
    onPassed: () => undefined,
    record: {
      load: async () => undefined,
      state: () => state,
      change: () => undefined,
      flush: async () => undefined,
    },
    clock,
    log: { warn: () => undefined } as never,
  });
  scrubber.start();
  scrubber.again();
  await setImmediate();
  assert.equal(looked, 1);
  assert.equal(rests.length, 2, 'it rests until something may be live');
  await scrubber.close();
});
