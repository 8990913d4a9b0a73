// One run of a segment as data, drawn from its seed: who takes part, with what clocks, what happens to them and when. The storm comes
// first, in any weather; then it is calm, everybody must find together, and a few single blows follow, whose outcome is exactly known.

import { drawFaults, drawWeather } from '../faults/draw-faults.ts';
import type { Fault } from '../faults/fault.ts';
import { createRandom, type Random } from '../kernel/random.ts';
import type { LinkQuality } from '../network/network.ts';
import type { ClockSkew } from '../node/sim-clock.ts';

export interface PlannedMember {
  readonly name: string;
  readonly startAt: number;
  readonly skew: ClockSkew;
  readonly role: 'never' | 'allowed' | 'preassigned';
  /** The operator's factor. */
  readonly factor: number;
  /** From 0 to 1: how much of a server it is. */
  readonly strength: number;
}

export interface RunPlan {
  readonly seed: number;
  readonly members: readonly PlannedMember[];
  readonly weather: LinkQuality;
  readonly calm: LinkQuality;
  /** The storm's and the blows', in order. */
  readonly faults: readonly Fault[];
  /** All but a few that come late start before; 0: one by one. */
  readonly togetherByMs: number;
  readonly stormStartMs: number;
  /** From here on there are no faults but the blows. */
  readonly calmFromMs: number;
  /** Control traffic is measured from here until the first blow. */
  readonly steadyFromMs: number;
  readonly steadyUntilMs: number;
  readonly endMs: number;
}

const stormStartMs = 5500;
const oneByOneMs = 4000;
const calmFromMs = 50_000;
const steadyFromMs = 70_000;
const steadyUntilMs = 100_000;
const endMs = 135_000;
/** Clocks of real machines are wrong by a hundredth of that. */
const skewMax = 0.01;
const dayMs = 86_400_000;

export function drawRunPlan(seed: number, members: number): RunPlan {
  const random = createRandom(seed, 'plan');
  const weather = drawWeather(createRandom(seed, 'weather'));
  // All at once, as after a power cut, or one by one.
  const togetherByMs = random.pick([200, 0]);
  const storm = { nodes: members, startMs: stormStartMs, endMs: calmFromMs };
  return {
    seed,
    members: drawMembers(random, members, togetherByMs),
    weather,
    calm: { ...weather, loss: 0, duplicate: 0, held: 0 },
    faults: [
      ...drawFaults(createRandom(seed, 'faults'), storm),
      ...drawAbsence(createRandom(seed, 'absence'), members),
      ...drawBlows(random, members),
    ],
    togetherByMs,
    stormStartMs,
    calmFromMs,
    steadyFromMs,
    steadyUntilMs,
    endMs,
  };
}

function drawMembers(random: Random, count: number, togetherByMs: number): PlannedMember[] {
  const digits = String(count).length;
  const isEqual = random.chance(0.3);
  const neverShare = random.pick([0, 0, 0.1, 0.5]);
  const preassigned = !isEqual && random.chance(0.25) ? random.below(count) : -1;
  return Array.from({ length: count }, (_, index): PlannedMember => {
    const isLate = random.chance(0.05);
    return {
      name: `n${String(index + 1).padStart(digits, '0')}`,
      startAt: Math.round(random.between(0, isLate ? calmFromMs : togetherByMs || oneByOneMs)),
      skew: {
        offsetMs: Math.round(random.between(0, 10 * dayMs)),
        rate: 1 + random.between(-skewMax, skewMax),
      },
      // Somebody must be able to lead, also when two are killed.
      role:
        index === preassigned ? 'preassigned' : index > 2 && random.chance(neverShare) ? 'never' : 'allowed',
      factor: !isEqual && random.chance(0.1) ? random.pick([0, 0.5, 2, 10]) : 1,
      strength: isEqual ? 0.5 : random.unit(),
    };
  });
}

/** Somebody may be away for most of the calm, and is known to be. */
function drawAbsence(random: Random, members: number): Fault[] {
  if (members <= 3 || !random.chance(0.2)) return [];
  const [at, node] = [calmFromMs + 2000, random.below(members)];
  return [{ at, kind: 'crash', moment: 'now', node, downMs: steadyUntilMs - 5000 - at }];
}

/** The leader is killed, perhaps with another one; a member stops for as long as it may; the leader leaves. */
function drawBlows(random: Random, members: number): Fault[] {
  const killAt = steadyUntilMs + Math.round(random.between(0, 1000));
  const pauseAt = steadyUntilMs + Math.round(random.between(18_500, 19_500));
  const leaveAt = steadyUntilMs + Math.round(random.between(23_000, 24_000));
  const crash = { kind: 'crash', moment: 'now' } as const;
  const blows: Fault[] = [
    { at: killAt, ...crash, node: 'leader', downMs: Math.round(random.between(5500, 8000)) },
  ];
  if (members > 3 && random.chance(0.3)) {
    blows.push({ at: killAt + 1, ...crash, node: random.below(members), downMs: 7000 });
  }
  blows.push({ at: pauseAt, kind: 'pause', node: random.below(members), forMs: 2000 });
  blows.push({ at: leaveAt, kind: 'leave', node: 'leader', downMs: 6000 });
  return blows;
}
