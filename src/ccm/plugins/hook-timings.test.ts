import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HookTiming, Receipt } from '../../model/receipt.ts';
import { createHookTimings } from './hook-timings.ts';

const timing = (hook: string, ok = true): HookTiming => ({ plugin: 'nginx', hook, ms: 3, ok });
const receipt = (sequence: number, phase: Receipt['phase'], hooks?: readonly HookTiming[]): Receipt => ({
  version: 1,
  node: 'web1',
  site: 'docs',
  phase,
  scope: 'changed',
  release: { epoch: 1, sequence },
  tree: 'a'.repeat(40),
  at: 0,
  ...(hooks && { hooks }),
});

test('PLG-9: a release’s vote and what followed its switch are shown together; the next release begins anew', () => {
  const timings = createHookTimings((site) => site === 'docs');
  const hooks = () => timings.of('web1', 'docs').map(({ hook }) => hook);
  assert.deepEqual(hooks(), []);
  timings.record(receipt(1, 'staged', [timing('beforeSwitch')]));
  timings.record(receipt(1, 'switched', [timing('afterSwitch', false)]));
  assert.deepEqual(hooks(), ['beforeSwitch', 'afterSwitch']);
  timings.record(receipt(1, 'switched', [timing('switch'), timing('afterSwitch')]));
  assert.deepEqual(hooks(), ['beforeSwitch', 'switch', 'afterSwitch']);
  timings.record(receipt(2, 'staged', [timing('beforeSwitch')]));
  assert.deepEqual(hooks(), ['beforeSwitch']);
  timings.record(receipt(3, 'switched'));
  assert.deepEqual(hooks(), []);
  assert.deepEqual(timings.of('web2', 'docs'), []);
  timings.record({ ...receipt(4, 'staged', [timing('beforeSwitch')]), site: 'invented' });
  assert.deepEqual(timings.of('web1', 'invented'), []);
});
