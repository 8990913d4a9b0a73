import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { segmentTimings } from '../segment/timing.ts';
import { electionRules } from './election-rules.ts';
import {
  claimStrength,
  ledMemoryMs,
  type PriorityParameters,
  preassignedPriority,
  priorityOf,
  priorityWeights,
} from './priority.ts';

const anyParameters: fc.Arbitrary<PriorityParameters> = fc.record({
  ledAgoMs: fc.option(fc.double({ min: 0, max: 2 * ledMemoryMs, noNaN: true })),
  servers: fc.nat(5000),
  cpus: fc.integer({ min: 1, max: 256 }),
  idle: fc.double({ min: 0, max: 1, noNaN: true }),
  freeBytes: fc.double({ min: 0, max: 1e14, noNaN: true }),
  linkBitsPerSecond: fc.double({ min: 0, max: 1e12, noNaN: true }),
  reliability: fc.double({ min: 0, max: 1, noNaN: true }),
  content: fc.double({ min: 0, max: 1, noNaN: true }),
  role: fc.constant('allowed'),
  factor: fc.double({ min: 0, max: 100, noNaN: true }),
});

test('ELEC-20: every term is a whole number within its weight, and their sum times the factor is the priority', () => {
  fc.assert(
    fc.property(anyParameters, (parameters) => {
      const { priority, terms } = priorityOf(parameters);
      for (const [name, term] of Object.entries(terms)) {
        assert.ok(Number.isInteger(term) && term >= 0, `${name}: ${term}`);
        assert.ok(term <= priorityWeights[name as keyof typeof terms], `${name}: ${term}`);
      }
      const sum = Object.values(terms).reduce((total, term) => total + term, 0);
      assert.equal(priority, Math.round(sum * parameters.factor));
    }),
  );
});

test('R5.2, ELEC-20: more of anything is never worse, and each of it counts', () => {
  const poor: PriorityParameters = {
    ...{ ledAgoMs: null, servers: 0, cpus: 1, idle: 0.1, freeBytes: 1e9, linkBitsPerSecond: 1e7 },
    ...{ reliability: 0.1, content: 0, role: 'allowed', factor: 1 },
  };
  const rich = {
    ...{ ledAgoMs: 1000, servers: 300, cpus: 32, freeBytes: 1e12, linkBitsPerSecond: 1e10 },
    ...{ idle: 0.9, reliability: 1, content: 1, factor: 2 },
  };
  for (const name of Object.keys(rich) as (keyof typeof rich)[]) {
    const better = priorityOf({ ...poor, [name]: rich[name] }).priority;
    assert.ok(better > priorityOf(poor).priority, name);
    fc.assert(
      fc.property(anyParameters, (parameters) => {
        const more = { ...parameters, [name]: name === 'ledAgoMs' ? 0 : (parameters[name] ?? 0) * 1.5 };
        assert.ok(priorityOf(more).priority >= priorityOf(parameters).priority, name);
      }),
    );
  }
});

test('ELEC-20: measurements out of bounds count as the nearest bound', () => {
  const odd = { idle: 7, reliability: -1, content: Number.POSITIVE_INFINITY, freeBytes: -5, factor: 1e9 };
  fc.assert(
    fc.property(anyParameters, (parameters) => {
      const { priority, terms } = priorityOf({ ...parameters, ...odd });
      assert.equal(terms.reliability, 0);
      assert.equal(terms.storage, 0);
      assert.equal(terms.content, priorityWeights.content);
      assert.ok(priority >= 0 && priority < preassignedPriority);
    }),
  );
});

test('ELEC-21: a pre-assigned node is above all others, whatever their factors', () => {
  fc.assert(
    fc.property(anyParameters, anyParameters, (one, other) => {
      const chosen = priorityOf({ ...one, role: 'preassigned' }).priority;
      assert.ok(chosen > priorityOf(other).priority);
    }),
  );
});

test('ELEC-23: claims come within the delays, the stronger sooner; who led lately and who is pre-assigned comes first', () => {
  const { fast } = segmentTimings;
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(anyParameters, anyParameters, chance, (one, other, random) => {
      const [strong, weak] = [claimStrength(one), claimStrength(other)].sort((a, b) => b - a) as [
        number,
        number,
      ];
      const delayMs = electionRules.claimDelayMs(fast, strong, random);
      assert.ok(delayMs >= fast.claimDelayMinMs && delayMs <= fast.claimDelayMaxMs);
      assert.ok(delayMs <= electionRules.claimDelayMs(fast, weak, random));
      assert.equal(claimStrength({ ...one, role: 'preassigned' }), 1);
      assert.equal(claimStrength({ ...one, ledAgoMs: 60_000 }), 1);
    }),
  );
});
