// The faulty network between simulated nodes: which packets arrive, when, and how often. One packet is shared by all that receive
// it. Faults are switched on and off from outside; nodes are numbers here, and one beyond the last may stand for the CCM.

import type { EventQueue, Happen } from '../kernel/event-queue.ts';
import type { Random } from '../kernel/random.ts';
import { createCuts } from './cuts.ts';

/** What every packet is exposed to. */
export interface LinkQuality {
  readonly delayMinMs: number;
  readonly delayMaxMs: number;
  /** Probabilities of a packet for a receiver. */
  readonly loss: number;
  readonly duplicate: number;
  /** To be held back for up to `heldMaxMs`, behind packets that were sent later. */
  readonly held: number;
  readonly heldMaxMs: number;
}

export interface NetworkCounts {
  delivered: number;
  lost: number;
  blocked: number;
  duplicated: number;
  held: number;
}

export interface Network<Packet> {
  send(from: number, to: number, packet: Packet): void;
  /** To everybody but the sender. */
  sendGroup(from: number, packet: Packet): void;
  setQuality(quality: LinkQuality): void;
  /** Loss of what one node sends to another; null is everybody. Adds to the quality's; 0 takes it back. */
  setLoss(from: number | null, to: number | null, loss: number): void;
  /** Whether nothing that `from` sends can reach `to`. */
  isCut(from: number, to: number): boolean;
  /** Nothing passes between the side's nodes and the others, or only in one direction; `spared` has no part in it. Returns what heals it. */
  cut(side: readonly number[], direction: CutDirection, spared?: number): () => void;
  /** Takes back all losses and cuts. */
  heal(): void;
  readonly counts: Readonly<NetworkCounts>;
}

/** What is stopped: both ways, what the side sends, or what it would hear. */
export type CutDirection = 'both' | 'out' | 'in';

export interface NetworkOptions<Packet> {
  readonly nodes: number;
  readonly queue: EventQueue;
  readonly random: Random;
  readonly quality: LinkQuality;
  readonly deliver: (packet: Packet, to: number) => void;
}

export function createNetwork<Packet>(options: NetworkOptions<Packet>): Network<Packet> {
  const { nodes, queue, random, deliver } = options;
  let quality = options.quality;
  const cuts = createCuts(nodes + 1);
  /** By `from * stride + to`, the last of each being everybody. */
  const stride = nodes + 2;
  const losses = new Map<number, number>();
  const counts: NetworkCounts = { delivered: 0, lost: 0, blocked: 0, duplicated: 0, held: 0 };

  const arrive: Happen<Packet> = (packet, to) => {
    counts.delivered += 1;
    deliver(packet, to);
  };
  const linkLoss = (from: number, to: number): number => {
    const kept =
      (1 - (losses.get(from * stride + to) ?? 0)) *
      (1 - (losses.get(from * stride + nodes + 1) ?? 0)) *
      (1 - (losses.get((nodes + 1) * stride + to) ?? 0));
    return 1 - kept;
  };
  const travel = (packet: Packet, to: number): void => {
    let delayMs = random.between(quality.delayMinMs, quality.delayMaxMs);
    if (random.chance(quality.held)) {
      counts.held += 1;
      delayMs += random.between(0, quality.heldMaxMs);
    }
    queue.add(queue.now() + delayMs, arrive, packet, to);
  };
  const send = (from: number, to: number, packet: Packet): void => {
    if (cuts.isCut(from, to)) {
      counts.blocked += 1;
      return;
    }
    if (random.chance(quality.loss) || (losses.size > 0 && random.chance(linkLoss(from, to)))) {
      counts.lost += 1;
      return;
    }
    travel(packet, to);
    if (random.chance(quality.duplicate)) {
      counts.duplicated += 1;
      travel(packet, to);
    }
  };

  return {
    send,
    sendGroup(from, packet) {
      for (let to = 0; to < nodes; to += 1) if (to !== from) send(from, to, packet);
    },
    setQuality(changed) {
      quality = changed;
    },
    setLoss(from, to, loss) {
      const link = (from ?? nodes + 1) * stride + (to ?? nodes + 1);
      if (loss === 0) losses.delete(link);
      else losses.set(link, loss);
    },
    isCut: cuts.isCut,
    cut: cuts.add,
    heal() {
      losses.clear();
      cuts.clear();
    },
    counts,
  };
}
