// CHAN-23: the other side of a throughput test: hears the data channel for as long as a node of the segment tests, and says what arrived.

import type { Clock } from '../../clock.ts';
import { openReceiverSockets, type ReceiverSockets } from '../../mctp/channel/data-sockets.ts';
import type { LocalInterface } from '../channel/local-interfaces.ts';
import { isChosen } from '../self-test/probe-answerer.ts';
import type { DriverMessage } from '../wire/segment-message.ts';
import { burstGroup, isBurstFrame } from './burst-frame.ts';
import { udpDrops } from './udp-drops.ts';

export type Burst = Extract<DriverMessage, { readonly type: 'burst' }>;
export type BurstAnswer = Extract<DriverMessage, { readonly type: 'burst-answer' }>;

export interface BurstCounter {
  /** Whether this node is one of those that answer it. */
  isChosen(burst: Burst): boolean;
  hear(from: string, burst: Burst): void;
  close(): void;
}

export interface BurstCounterOptions {
  readonly node: string;
  readonly clock: Clock;
  readonly interface: () => LocalInterface | null;
  /** What this node may send by multicast, where it leads and that is limited. */
  readonly bytesPerSecondMax: () => number | null;
  readonly answer: (to: string, answer: BurstAnswer) => void;
}

interface Test {
  readonly from: string;
  readonly nonce: string;
  readonly beganAt: number;
  readonly droppedBefore: number;
  /** The newest question; null: it was answered. */
  asked: number | null;
  heard: number;
  sockets: ReceiverSockets | undefined;
  isOver: boolean;
  cancelEnd: () => void;
}

/** What has arrived is read meanwhile. */
const answerAfterMs = 100;
/** From the last word of the tester on, and from its first. */
const silenceMs = 3_000;
const testMaxMs = 30_000;
/** The same node begins another one no sooner. */
const nextAfterMs = 1_000;
const u32Max = 0xffff_ffff;

export function createBurstCounter(options: BurstCounterOptions): BurstCounter {
  const { node, clock } = options;
  let test: Test | undefined;
  let isClosed = false;

  function end(over: Test): void {
    over.isOver = true;
    over.cancelEnd();
    over.sockets?.close();
    over.sockets = undefined;
    if (test === over) test = undefined;
  }

  async function begin(from: string, { nonce }: Burst): Promise<void> {
    const local = options.interface();
    if (local === null) return;
    const begun: Test = {
      from,
      nonce,
      beganAt: clock.now(),
      droppedBefore: udpDrops().received,
      asked: null,
      heard: 0,
      sockets: undefined,
      isOver: false,
      cancelEnd: () => undefined,
    };
    test = begun;
    try {
      const sockets = await openReceiverSockets({
        interface: local,
        group: burstGroup(local.address),
        onDatagram(bytes) {
          if (isBurstFrame(bytes, nonce)) begun.heard = Math.min(u32Max, begun.heard + 1);
        },
        onError: () => end(begun),
      });
      if (begun.isOver) sockets.close();
      else begun.sockets = sockets;
    } catch {
      // It says nothing, as one that hears nothing would.
      end(begun);
    }
  }

  async function take(from: string, burst: Burst): Promise<void> {
    const isNext = test !== undefined && test.from === from && test.nonce !== burst.nonce;
    if (isNext && test !== undefined && clock.now() - test.beganAt > nextAfterMs) end(test);
    if (test === undefined) await begin(from, burst);
    const current = test;
    if (current === undefined || current.from !== from || current.nonce !== burst.nonce) return;
    current.cancelEnd();
    const leftMs = Math.min(silenceMs, current.beganAt + testMaxMs - clock.now());
    if (leftMs <= 0) return end(current);
    current.cancelEnd = clock.after(leftMs, () => end(current));
    const isPending = current.asked !== null;
    current.asked = burst.round;
    if (isPending) return;
    clock.after(answerAfterMs, () => {
      const round = current.asked ?? burst.round;
      current.asked = null;
      if (current.isOver || current.sockets === undefined) return;
      options.answer(from, {
        type: 'burst-answer',
        nonce: burst.nonce,
        round,
        heard: current.heard,
        dropped: Math.min(u32Max, Math.max(0, udpDrops().received - current.droppedBefore)),
        receiveBufferBytes: Math.min(u32Max, current.sockets.receiveBufferBytes),
        bytesPerSecondMax: options.bytesPerSecondMax() ?? 0,
      });
    });
  }

  /** Who knows a limit is asked by every test: none goes above it. */
  function isAsked({ nonce, oneIn }: Burst): boolean {
    return options.bytesPerSecondMax() !== null || isChosen(node, nonce, oneIn);
  }

  return {
    isChosen: isAsked,
    hear(from, burst) {
      if (!isClosed && isAsked(burst)) void take(from, burst);
    },
    close() {
      isClosed = true;
      if (test !== undefined) end(test);
    },
  };
}
