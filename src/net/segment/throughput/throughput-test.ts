// CHAN-23: measures what the segment's network carries by multicast: bursts of rising rate to a data channel, after each of which others say what arrived.
// It rises no further when more is lost than a little, and never above what a leader may send. What the figures mean is its caller's.

import { randomBytes } from 'node:crypto';
import { type Clock, delay } from '../../clock.ts';
import { openReceiverSockets, openSenderSockets } from '../../mctp/channel/data-sockets.ts';
import type { LocalInterface } from '../channel/local-interfaces.ts';
import type { Burst, BurstAnswer } from './burst-counter.ts';
import { burstFrame, burstGroup } from './burst-frame.ts';
import { sendPaced } from './send-paced.ts';
import { type UdpDrops, udpDrops } from './udp-drops.ts';

export interface ThroughputStep {
  readonly bytesPerSecondWanted: number;
  /** What was sent, in so much time, UDP payload. */
  readonly bytesPerSecond: number;
  readonly datagrams: number;
  /** Of those that answered after it, the share that did not arrive. */
  readonly losses: readonly { readonly node: string; readonly loss: number }[];
}

export interface ThroughputNode {
  readonly node: string;
  readonly receiveBufferBytes: number;
  /** Datagrams of all sockets of its machine, while the test ran. */
  readonly dropped: number;
}

export interface ThroughputResult {
  readonly datagramBytes: number;
  /** What was asked for, or a leader's limit where that is less. */
  readonly bytesPerSecondMax: number;
  readonly isLimited: boolean;
  readonly steps: readonly ThroughputStep[];
  readonly nodes: readonly ThroughputNode[];
  readonly own: {
    readonly receiveBufferBytes: number;
    readonly dropped: UdpDrops;
    readonly sendErrors: number;
  };
}

export interface ThroughputTest {
  /** Rejects with the system's error when there is no interface, or it cannot be sent on. One at a time. */
  run(wanted: ThroughputWanted): Promise<ThroughputResult>;
  isAwaited(answer: BurstAnswer): boolean;
  hear(from: string, answer: BurstAnswer): void;
  close(): void;
}

export interface ThroughputWanted {
  readonly bytesPerSecondMax: number;
  /** UDP payload of a datagram. */
  readonly datagramBytes: number;
  /** How many other nodes there are, as far as anybody knows. */
  readonly others: number;
}

export interface ThroughputTestOptions {
  readonly clock: Clock;
  readonly interface: () => LocalInterface | null;
  readonly ask: (burst: Burst) => void;
}

export const stepMs = 400;
/** Shares of the most, one after another. */
export const stepShares = [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1] as const;
const bytesPerSecondMin = 12_500;
/** At half of the nodes and more: then it rises no further. */
export const lossMax = 0.05;
/** Less of what was wanted could be sent: then neither. */
export const slowShare = 0.85;
const answersWanted = 8;
/** What is under way arrives. */
const restMs = 100;
const askEveryMs = 150;
const asksMax = 4;

export function createThroughputTest({ clock, ask, ...options }: ThroughputTestOptions): ThroughputTest {
  const closing = new AbortController();
  let nonce = '';
  let round = 0;
  /** Of each node its last answer, of the round in which it came. */
  let answers = new Map<string, BurstAnswer>();

  /** Asks until all of these have answered; at first, when nobody knows who is there, for as long as it asks. */
  async function hearAll(oneIn: number, nodes?: readonly string[]): Promise<void> {
    round += 1;
    const isHeard = (node: string): boolean => answers.get(node)?.round === round;
    for (let asked = 0; asked < asksMax; asked += 1) {
      ask({ type: 'burst', nonce, round, oneIn });
      await delay(clock, askEveryMs + restMs, closing.signal);
      if (closing.signal.aborted || nodes?.every(isHeard)) return;
    }
  }

  async function run(wanted: ThroughputWanted): Promise<ThroughputResult> {
    const local = options.interface();
    if (local === null) throw new Error('there is no network interface');
    const group = burstGroup(local.address);
    nonce = randomBytes(nonceLength).toString('hex');
    round = 0;
    answers = new Map();
    const before = udpDrops();
    const place = { interface: local, group, onDatagram: () => undefined, onError: () => undefined };
    const receiver = await openReceiverSockets(place);
    const { receiveBufferBytes } = receiver;
    // What this node sends itself is not to keep it from sending.
    receiver.close();
    const sockets = await openSenderSockets({ ...place, port: group.port + 1 });
    let sendErrors = 0;
    const steps: ThroughputStep[] = [];
    const oneIn = wanted.others <= answersWanted ? 1 : Math.floor(wanted.others / answersWanted);
    try {
      await hearAll(oneIn);
      const nodes = [...answers.keys()];
      const limits = [...answers.values()].flatMap(({ bytesPerSecondMax }) => bytesPerSecondMax || []);
      const bytesPerSecondMax = Math.min(wanted.bytesPerSecondMax, ...limits);
      const heardBefore = new Map<string, number>();
      for (const share of nodes.length === 0 ? [] : stepShares) {
        for (const [node, { heard }] of answers) heardBefore.set(node, heard);
        const rate = Math.min(bytesPerSecondMax, Math.max(bytesPerSecondMin, share * bytesPerSecondMax));
        const sent = await sendPaced({
          frame: burstFrame(nonce, wanted.datagramBytes),
          bytesPerSecond: rate,
          lastsMs: stepMs,
          clock,
          signal: closing.signal,
          send: (frame) =>
            sockets.send(frame, (error) => {
              if (error !== null) sendErrors += 1;
            }),
        });
        await delay(clock, restMs, closing.signal);
        await hearAll(oneIn, nodes);
        const arrived = (): (readonly [string, number])[] =>
          [...answers].flatMap(([node, answer]) =>
            answer.round === round ? [[node, answer.heard - (heardBefore.get(node) ?? 0)] as const] : [],
          );
        // A slow process may have it in its buffer still.
        if (arrived().some(([, heard]) => heard < sent.datagrams)) await hearAll(oneIn, nodes);
        if (closing.signal.aborted) break;
        const losses = arrived().map(([node, heard]) => ({
          node,
          loss: Math.max(0, 1 - heard / Math.max(1, sent.datagrams)),
        }));
        const { bytesPerSecond, datagrams } = sent;
        steps.push({ bytesPerSecondWanted: rate, bytesPerSecond, datagrams, losses });
        if (medianLoss(losses) > lossMax || bytesPerSecond < slowShare * rate) break;
      }
      const after = udpDrops();
      return {
        datagramBytes: wanted.datagramBytes,
        bytesPerSecondMax,
        isLimited: bytesPerSecondMax < wanted.bytesPerSecondMax,
        steps,
        nodes: [...answers].map(([node, { receiveBufferBytes: bytes, dropped }]) => ({
          node,
          receiveBufferBytes: bytes,
          dropped,
        })),
        own: {
          receiveBufferBytes,
          dropped: { received: after.received - before.received, sent: after.sent - before.sent },
          sendErrors,
        },
      };
    } finally {
      nonce = '';
      sockets.close();
    }
  }

  return {
    run,
    isAwaited: (answer) => answer.nonce === nonce,
    hear(from, answer) {
      if (answer.nonce !== nonce || answer.round > round) return;
      const before = answers.get(from);
      const heard = Math.max(answer.heard, before?.heard ?? 0);
      // An answer to an older question tells less.
      if (before === undefined || answer.round >= before.round) answers.set(from, { ...answer, heard });
    },
    close: () => closing.abort(),
  };
}

const nonceLength = 8;

/** Of nobody's: all of it. */
export function medianLoss(losses: ThroughputStep['losses']): number {
  const sorted = losses.map(({ loss }) => loss).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 1;
}
