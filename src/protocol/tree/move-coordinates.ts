// Where a leader is in a space in which distances are delays (TREE-12): moved a little with each measured delay, so that those who never met have a distance
// too (Vivaldi with heights). Whoever measures moves both, each towards or away from where the other was; the CCM alone stays at the origin.

import type { Coordinates } from './tree-machines.ts';

export const ccmCoordinates: Coordinates = { x: 0, y: 0, height: 0 };

/** Of what a measurement contradicts, so much is mended. */
const gain = 0.25;
/** Heights follow more slowly, or they take up what is the plane's. */
const heightGain = 0.3 * gain;
const heightMin = 0.1;
const delayMax = 10_000;
/** Of a first delay, so much is thought to be the access link. */
const heightShare = 0.02;

/** `own` null: it has none yet. `random`: uniform in [0, 1). */
export function moveCoordinates(
  own: Coordinates | null,
  other: Coordinates,
  delayMs: number,
  random: () => number,
): Coordinates {
  const delay = Math.min(delayMax, Math.max(0, delayMs));
  if (own === null) {
    const height = Math.max(heightMin, delay * heightShare);
    const [x, y] = direction(random);
    const far = Math.max(0, delay - height - other.height);
    return { x: other.x + x * far, y: other.y + y * far, height };
  }
  const between = Math.hypot(own.x - other.x, own.y - other.y);
  const heights = own.height + other.height;
  const distance = between + heights;
  const wrong = delay - distance;
  const [x, y] = between > 0 ? [(own.x - other.x) / between, (own.y - other.y) / between] : direction(random);
  // In this space two at one place are apart by their heights, so both take their share of the force.
  const share = distance === 0 ? 1 : between / distance;
  const along = gain * wrong * (between > 0 ? share : 1);
  return {
    x: own.x + x * along,
    y: own.y + y * along,
    height: Math.max(
      heightMin,
      own.height + (distance === 0 ? 0 : (heightGain * wrong * heights) / distance),
    ),
  };
}

function direction(random: () => number): [number, number] {
  const angle = 2 * Math.PI * random();
  return [Math.cos(angle), Math.sin(angle)];
}
