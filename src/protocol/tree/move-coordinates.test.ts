import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../testing/lan.ts';
import { ccmCoordinates, moveCoordinates } from './move-coordinates.ts';
import { distanceMs, nearest } from './nearest.ts';
import type { Coordinates } from './tree-machines.ts';

const nodes = 24;
/** Each measures a few others, now and then. */
const measurements = 120 * nodes;

function learn(seed: number): { real: Coordinates[]; learnt: Coordinates[] } {
  const random = seededRandom(seed);
  const real = Array.from({ length: nodes }, (_, index) =>
    index === 0 ? ccmCoordinates : { x: 200 * random(), y: 200 * random(), height: 1 + 9 * random() },
  );
  const learnt: (Coordinates | null)[] = real.map((_, index) => (index === 0 ? ccmCoordinates : null));
  for (let count = 0; count < measurements; count += 1) {
    const [one, other] = [1 + Math.floor(random() * (nodes - 1)), Math.floor(random() * nodes)];
    const [from, to] = [learnt[one] ?? null, learnt[other] ?? null];
    if (one === other || to === null) continue;
    const delayMs = distanceMs(real[one] ?? ccmCoordinates, real[other] ?? ccmCoordinates);
    const measured = delayMs * (0.97 + 0.06 * random());
    learnt[one] = moveCoordinates(from, to, measured, random);
    if (other !== 0 && from !== null) learnt[other] = moveCoordinates(to, from, measured, random);
  }
  return { real, learnt: learnt.map((each) => each ?? ccmCoordinates) };
}

test('TREE-12: coordinates come to tell the delays of a random plane within 15 %, for pairs that never measured as well', () => {
  fc.assert(
    fc.property(fc.nat(1_000_000), (seed) => {
      const { real, learnt } = learn(seed);
      const errors: number[] = [];
      for (let one = 0; one < nodes; one += 1)
        for (let other = 0; other < one; other += 1) {
          const is = distanceMs(real[one] ?? ccmCoordinates, real[other] ?? ccmCoordinates);
          const told = distanceMs(learnt[one] ?? ccmCoordinates, learnt[other] ?? ccmCoordinates);
          errors.push(Math.abs(told - is) / is);
        }
      errors.sort((a, b) => a - b);
      assert.ok((errors[Math.floor(errors.length / 2)] ?? 1) <= 0.15, `seed ${seed}: ${errors}`);
    }),
    { seed: 84, numRuns: 100 },
  );
});

test('TREE-12: whatever is measured, coordinates stay finite and heights positive', () => {
  const coordinate = fc.double({ min: -1e6, max: 1e6, noNaN: true });
  const point = fc.record({
    x: coordinate,
    y: coordinate,
    height: fc.double({ min: 0, max: 1e6, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.option(point), point, fc.double({ noNaN: true }), (own, other, delayMs) => {
      const { x, y, height } = moveCoordinates(own, other, delayMs, () => 0.3);
      assert.ok(Number.isFinite(x) && Number.isFinite(y) && height > 0 && Number.isFinite(height));
    }),
  );
});

test('TREE-12: the nearest of several is taken, who has no coordinates comes last, and without own ones the first is', () => {
  const at = (x: number): Coordinates => ({ x, y: 0, height: 1 });
  const where = ({ place }: { place: Coordinates | null }): Coordinates | null => place;
  const rows = [{ place: null }, { place: at(50) }, { place: at(10) }, { place: at(-90) }];
  assert.equal(nearest(at(0), rows, where), rows[2]);
  assert.equal(nearest(null, rows, where), rows[0]);
  assert.equal(nearest(at(0), rows.slice(0, 1), where), rows[0]);
  assert.equal(nearest(at(0), [], where), undefined);
});
