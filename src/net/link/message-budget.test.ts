import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMessageBudget } from './message-budget.ts';

test('LINK-31: what a thousand sites have to say at once passes; ten thousand messages a second do not', () => {
  let now = 0;
  const budget = createMessageBudget(() => now);
  for (let n = 0; n < 5_000; n++) assert.ok(budget.spend(600));
  now += 60_000;
  let passed = 0;
  while (budget.spend(100)) passed += 1;
  assert.ok(passed > 9_000 && passed <= 10_000, String(passed));
  now += 1_000;
  passed = 0;
  while (budget.spend(0)) passed += 1;
  assert.ok(passed >= 999 && passed <= 1_000, String(passed));
});

test('LINK-31: long messages cost more, and a clock that is set back brings nothing', () => {
  let now = 1_000_000;
  const budget = createMessageBudget(() => now);
  let passed = 0;
  while (budget.spend(1_048_576)) passed += 1;
  assert.ok(passed < 40, String(passed));
  now -= 500_000;
  assert.ok(!budget.spend(0));
});
