// The wide network between a CCM and the leaders: who reaches whom, how long it takes, and when bytes arrive. An uplink sends one cell after another, in the order
// in which flows ask, each flow one at a time: flows share it evenly. A downlink is a bucket that drains at its rate. Nothing in between is a bottleneck.

import type { EventQueue } from '../kernel/event-queue.ts';

export interface WanPlace {
  readonly name: string;
  readonly upBytesPerSecond: number;
  readonly downBytesPerSecond: number;
  /** One way, between it and the middle of the network. */
  readonly accessMs: number;
  /** Milliseconds one way in a plane; the way between two is their distance and both accesses. */
  readonly x: number;
  readonly y: number;
  /** False: calls from outside do not get in. */
  readonly isOpen: boolean;
}

export interface WanNode extends WanPlace {
  /** The process runs. */
  isUp: boolean;
  /** Counts its processes. */
  life: number;
  /** Its link is dead, without a word to anybody. */
  isCut: boolean;
  /** Those of different sides do not reach each other. */
  side: number;
  sentBytes: number;
  receivedBytes: number;
  upFreeAt: number;
  downFreeAt: number;
}

export interface Call<Answer> {
  readonly from: WanNode;
  readonly to: WanNode;
  /** No answer for so long is none. */
  readonly boundMs: number;
  /** At the one who is called; undefined: it answers nothing. */
  readonly arrive: () => Answer | undefined;
  readonly answered: (answer: Answer) => void;
  readonly failed: () => void;
}

export interface Wan {
  createNode(place: WanPlace): WanNode;
  /** One way. */
  delayMs(one: WanNode, other: WanNode): number;
  /** Packets get through, both ways. */
  reaches(one: WanNode, other: WanNode): boolean;
  /** Sends bytes; when they arrive. */
  send(from: WanNode, to: WanNode, bytes: number): number;
  /** When the flow that sent last may send again. */
  freeAt(): number;
  /** A request on a connection of its own, of TCP and TLS. */
  call<Answer>(call: Call<Answer>): void;
}

/** One way each: SYN, its answer, two of TLS 1.3, the request. */
export const requestWays = 5;

export function createWan(queue: EventQueue): Wan {
  let freeAt = 0;

  const wan: Wan = {
    createNode: (place) => ({
      ...place,
      ...{ isUp: true, life: 0, isCut: false, side: 0 },
      ...{ sentBytes: 0, receivedBytes: 0, upFreeAt: 0, downFreeAt: 0 },
    }),
    delayMs: (one, other) => Math.hypot(one.x - other.x, one.y - other.y) + one.accessMs + other.accessMs,
    reaches: (one, other) => !one.isCut && !other.isCut && one.side === other.side,
    send(from, to, bytes) {
      const now = queue.now();
      const start = Math.max(now, from.upFreeAt);
      const sentAt = start + (1000 * bytes) / from.upBytesPerSecond;
      from.upFreeAt = sentAt;
      to.downFreeAt = Math.max(now, to.downFreeAt) + (1000 * bytes) / to.downBytesPerSecond;
      from.sentBytes += bytes;
      to.receivedBytes += bytes;
      freeAt = Math.max(sentAt, to.downFreeAt);
      return freeAt + wan.delayMs(from, to);
    },
    freeAt: () => freeAt,
    call({ from, to, boundMs, arrive, answered, failed }) {
      const begun = queue.now();
      const { life } = from;
      const wayMs = wan.delayMs(from, to);
      const after = (at: number, act: () => void): void =>
        queue.add(at, () => from.life === life && from.isUp && act(), null, 0);
      after(begun + requestWays * wayMs, () => {
        const isHeard = wan.reaches(from, to) && to.isOpen;
        const answer = isHeard && to.isUp ? arrive() : undefined;
        if (answer === undefined) {
          // A machine whose process is gone says so at once.
          after(isHeard && !to.isUp ? queue.now() + wayMs : begun + boundMs, failed);
          return;
        }
        after(queue.now() + wayMs, () => {
          if (wan.reaches(from, to)) answered(answer);
          else after(begun + boundMs, failed);
        });
      });
    },
  };
  return wan;
}
