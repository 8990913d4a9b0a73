// Draws a run's faults from its seed: at least one crash, one partition and one pause, and up to a dozen of any kind, all of them
// over when the storm ends. What must hold meanwhile and afterwards is the checkers' business.

import type { Random } from '../kernel/random.ts';
import type { LinkQuality } from '../network/network.ts';
import type { Fault, FaultKind, Target } from './fault.ts';

export interface Storm {
  readonly nodes: number;
  readonly startMs: number;
  readonly endMs: number;
}

const always: readonly FaultKind[] = ['crash', 'partition', 'pause'];
/** A kind named twice is drawn twice as often. */
const further: readonly FaultKind[] = [
  'crash',
  'crash',
  'crash',
  'leave',
  'pause',
  'pause',
  'partition',
  'partition',
  'partition',
  'loss',
  'loss',
  'slow',
  'disk',
  'unlink',
  'unlink',
  'ccm-restart',
];
const furtherMax = 12;

export function drawFaults(random: Random, storm: Storm): Fault[] {
  const kinds = [...always];
  for (let left = random.below(furtherMax + 1); left > 0; left -= 1) kinds.push(random.pick(further));
  return kinds.map((kind) => drawFault(random, storm, kind)).sort((a, b) => a.at - b.at);
}

function drawFault(random: Random, { nodes, startMs, endMs }: Storm, kind: FaultKind): Fault {
  const at = Math.round(random.between(startMs, endMs));
  // Short ones as often as long ones, whatever the order of magnitude.
  const lasting = (shortMs: number, longMs: number): number =>
    Math.round(Math.min(endMs - at, shortMs * (longMs / shortMs) ** random.unit()));
  const node: Target = random.chance(0.5) ? 'leader' : random.below(nodes);
  switch (kind) {
    case 'crash':
      return {
        at,
        kind,
        node,
        moment: random.pick(['now', 'now', 'before-persist', 'after-persist', 'amid-sends']),
        downMs: lasting(50, 20_000),
      };
    case 'leave':
      return { at, kind, node, downMs: lasting(200, 10_000) };
    case 'pause':
      return { at, kind, node, forMs: lasting(100, 15_000) };
    case 'partition':
      return {
        at,
        kind,
        side: drawSide(random, nodes),
        direction: random.pick(['both', 'both', 'in', 'out']),
        sparesCcm: random.chance(0.4),
        forMs: lasting(500, 20_000),
      };
    case 'loss': {
      const [from, to] = random.shuffled([
        random.below(nodes),
        random.chance(0.5) ? null : random.below(nodes),
      ]);
      return {
        at,
        kind,
        from: from ?? null,
        to: to ?? null,
        share: random.pick([0.1, 0.3, 0.6, 1]),
        forMs: lasting(500, 20_000),
      };
    }
    case 'slow':
      return { at, kind, node, delayMs: random.pick([20, 100, 400]), forMs: lasting(500, 15_000) };
    case 'disk':
      return { at, kind, node, forMs: lasting(500, 10_000) };
    case 'unlink':
      return { at, kind, node, forMs: lasting(200, 15_000) };
    case 'ccm-restart':
      return { at, kind, downMs: lasting(200, 10_000) };
  }
}

/** The leader, any other, or any share of them; the CCM is on either side. */
function drawSide(random: Random, nodes: number): Target[] {
  const ccm = random.chance(0.5) ? [nodes] : [];
  if (random.chance(0.25)) return ['leader', ...ccm];
  const size = random.chance(0.25) ? 1 : 1 + random.below(Math.max(1, nodes - 1));
  const all = random.shuffled(Array.from({ length: nodes }, (_, node) => node));
  return [...all.slice(0, size).sort((a, b) => a - b), ...ccm];
}

/** How good the network is while the storm lasts. */
export function drawWeather(random: Random): LinkQuality {
  const delayMinMs = random.pick([0.1, 0.5, 2]);
  return {
    delayMinMs,
    delayMaxMs: delayMinMs + random.pick([0.2, 3, 30]),
    loss: random.pick([0, 0.005, 0.02, 0.08]),
    duplicate: random.pick([0, 0.01, 0.1]),
    held: random.pick([0, 0.01, 0.1]),
    heldMaxMs: random.pick([20, 200, 3000]),
  };
}
