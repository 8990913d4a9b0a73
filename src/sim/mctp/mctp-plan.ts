// One simulated session as data, drawn from its seed: what is sent to how many, over what network, and what happens meanwhile. A third of the
// seeds have nothing but the network's loss, duplicates and disorder.

import { blockBytes } from '../../model/assignment.ts';
import { createMctpLayout, framePayloadBytes, type MctpSession } from '../../protocol/mctp/mctp-session.ts';
import { mctpTiming } from '../../protocol/mctp/mctp-timing.ts';
import { createRandom, type Random } from '../kernel/random.ts';
import type { MctpFault, MctpFaultKind } from './mctp-fault.ts';

export interface MctpPlan {
  readonly seed: number;
  readonly session: MctpSession;
  readonly linkBytesPerSecond: number;
  /** Of every datagram, both ways. */
  readonly loss: number;
  readonly duplicate: number;
  readonly held: number;
  readonly delayMs: number;
  readonly quorum: number;
  /** A receiver's memory. */
  readonly heldBlocksMax: number;
  readonly faults: readonly MctpFault[];
  /** When a session without faults would be over. */
  readonly nominalMs: number;
  /** Receivers that hold all, or some, of it already. */
  readonly holders: readonly { readonly node: number; readonly share: number }[];
}

export interface PlanOptions {
  readonly receivers: number;
  /** Null: drawn. */
  readonly loss: number | null;
  /** Null: drawn; else of so many bytes, with no fault but loss, over `fec`. */
  readonly plainBytes?: number;
}

const kinds: readonly MctpFaultKind[] = [
  ...([
    'burst',
    'burst',
    'lossy',
    'late',
    'late',
    'absent',
    'pause',
    'pause',
    'crash',
    'crash',
    'disk',
  ] as const),
  ...([
    'deaf',
    'old-frames',
    'outsider',
    'rogue',
    'rogue',
    'down',
    'sender-pause',
    'sender-restart',
  ] as const),
  ...(['stall', 'wrong-hash', 'wrong-size'] as const),
];

export function drawMctpPlan(seed: number, { receivers, loss: wished, plainBytes }: PlanOptions): MctpPlan {
  const random = createRandom(seed, 'mctp plan');
  const isPlain = plainBytes !== undefined || seed % 3 === 0;
  const linkBytesPerSecond = random.pick([1e6, 4e6, 12.5e6, 50e6, 125e6]);
  const blocks = random.pick([1, 2, 5, 20, 20, 40, 40, 80]);
  const loss = wished ?? random.pick([0, 0.01, 0.02, 0.05, 0.05, 0.1, 0.15, 0.2]);
  const isSingle = random.chance(0.1);
  const tail = 1 + random.below(blockBytes);
  const sealedShare = random.pick([0, 0.5, 1]);
  const body = plainBytes ?? (isSingle ? 1 + random.below(6000) : (blocks - 1) * blockBytes + tail);
  const manifestBytes = isSingle ? 800 : random.pick([700, 5000, 60_000, 200_000]);
  const session: MctpSession = {
    session: 1 + random.below(2 ** 31),
    sender: 'sender',
    assignment: `seed-${seed}`,
    repair: plainBytes !== undefined || random.chance(0.6) ? 'fec' : 'arq',
    framePayloadBytes: framePayloadBytes(
      1500,
      plainBytes === undefined ? random.pick(['ipv4', 'ipv4', 'ipv6'] as const) : 'ipv4',
    ),
    manifestBytes,
    sealedBytes: Math.round(sealedShare * body),
    plainBytes: body - Math.round(sealedShare * body),
    manifestHashes: Array.from({ length: Math.ceil(manifestBytes / blockBytes) }, () => '00'.repeat(32)),
    receivers,
  };
  const layout = createMctpLayout(session);
  const rate = plainBytes === undefined ? linkBytesPerSecond : 50e6;
  const nominalMs = 800 + (1000 * 1.6 * layout.bytes) / (0.5 * rate) / (1 - loss);
  return {
    ...{ seed, session, loss, nominalMs, linkBytesPerSecond: rate },
    duplicate: plainBytes !== undefined || (isPlain && random.chance(0.7)) ? 0 : random.pick([0, 0.01, 0.05]),
    held: plainBytes !== undefined || (isPlain && random.chance(0.7)) ? 0 : random.pick([0, 0.002, 0.02]),
    delayMs: plainBytes === undefined ? random.pick([0.1, 0.3, 2, 20]) : 0.1,
    quorum: random.pick([0.5, 0.8, 1]),
    heldBlocksMax: isPlain ? mctpTiming.heldBlocksMax : random.pick([8, 20, mctpTiming.heldBlocksMax]),
    faults: isPlain ? [] : chosenFaults(random, seed, { receivers, blocks: layout.blocks, nominalMs }),
    holders: isPlain || seed % 10 <= 2 || !random.chance(0.3) ? [] : drawHolders(random, receivers),
  };
}

function drawHolders(random: Random, receivers: number): { node: number; share: number }[] {
  const count = random.pick([1, Math.ceil(receivers / 2), receivers]);
  const share = random.pick([1, 0.5, 0.9]);
  return Array.from({ length: count }, (_, node) => ({ node, share }));
}

interface Extent {
  readonly receivers: number;
  readonly blocks: number;
  readonly nominalMs: number;
}

/** In one of ten seeds there is one lossy receiver and nothing else; in another one frames reach nobody any more. */
function chosenFaults(random: Random, seed: number, extent: Extent): MctpFault[] {
  const { receivers, nominalMs } = extent;
  if (seed % 10 === 1) return [{ at: 0, kind: 'lossy', node: random.below(receivers) }];
  if (seed % 10 !== 2) return drawFaults(random, extent);
  const at = Math.round(random.between(0, nominalMs / 3));
  return Array.from({ length: receivers }, (_, node) => ({ at, kind: 'deaf', node }));
}

function drawFaults(random: Random, extent: Extent): MctpFault[] {
  const faults: MctpFault[] = [];
  const count = 1 + random.below(5);
  for (let left = count; left > 0; left -= 1) {
    const kind = random.pick(kinds);
    // Of what belongs to the whole session there is one.
    if (faults.some((fault) => fault.kind === kind && !('node' in fault))) continue;
    faults.push(drawFault(random, kind, extent));
  }
  return faults.sort((one, other) => one.at - other.at);
}

function drawFault(random: Random, kind: MctpFaultKind, { receivers, blocks, nominalMs }: Extent): MctpFault {
  const at = Math.round(random.between(0, nominalMs));
  const node = random.below(receivers);
  const lasting = (shortMs: number, longMs: number): number =>
    Math.round(shortMs * (longMs / shortMs) ** random.unit());
  switch (kind) {
    case 'burst':
      return { at, kind, node, forMs: lasting(1, 400) };
    case 'lossy':
    case 'absent':
    case 'wrong-hash':
    case 'wrong-size':
      return { at: 0, kind, node };
    case 'late':
    case 'disk':
    case 'deaf':
      return { at, kind, node };
    case 'pause':
      return { at, kind, node, forMs: random.chance(0.3) ? null : lasting(20, 8000) };
    case 'crash':
      return { at, kind, node, downMs: random.chance(0.3) ? null : lasting(50, 4000) };
    case 'old-frames':
      return { at, kind, frames: 200 };
    case 'outsider':
      return { at, kind, forMs: lasting(50, nominalMs + 100) };
    case 'rogue':
      return { at, kind, forMs: lasting(50, nominalMs + 100), wild: random.chance(0.3) };
    case 'down':
      return { at, kind, forMs: lasting(50, 30_000) };
    case 'sender-pause':
      return { at, kind, forMs: lasting(50, 25_000) };
    case 'sender-restart':
      return { at, kind, downMs: lasting(100, 5000) };
    case 'stall':
      return {
        at: 0,
        kind,
        from: random.below(blocks),
        forMs: random.chance(0.1) ? null : lasting(50, 20_000),
      };
  }
}
