// CHAN-16: tests the network as it is now: sends a series to the group, and to some nodes alone, and collects who answers what by which way.
// What that means is networkVerdict's.

import { randomBytes } from 'node:crypto';
import { type Clock, delay } from '../../clock.ts';
import type { ChannelState } from '../channel/control-channel.ts';
import type { SocketAddress } from '../trust/peer-book.ts';
import { type NetworkVerdict, networkVerdict, type PeerAnswer } from './network-verdict.ts';
import type { ProbeAnswer } from './probe-answerer.ts';
import { longestHeard, type Probe, probeSeries, shareHeard } from './probe-series.ts';

export interface SelfTest {
  /** Never rejects. One at a time: a second call while one runs is answered by it. */
  run(): Promise<NetworkVerdict>;
  hear(from: string, answer: ProbeAnswer, toGroup: boolean): void;
  /** Whether this is an answer to the series that is under way. */
  isAwaited(answer: ProbeAnswer): boolean;
  close(): void;
}

export interface SelfTestOptions {
  readonly clock: Clock;
  readonly state: () => ChannelState;
  /** How many others there are, as far as anybody knows. */
  readonly others: () => number;
  /** Senders that are heard and do not introduce themselves. */
  readonly unanswered: () => number;
  /** Where nodes are said to be, heard ones first. */
  readonly addresses: () => readonly (SocketAddress & { readonly node: string | null })[];
  readonly sendToGroup: (probe: Probe) => void;
  readonly sendAlone: (probe: Probe, to: SocketAddress & { readonly node: string | null }) => void;
}

/** So many are to answer. */
const answersWanted = 8;
const probeEveryMs = 10;
/** From the last probe on; a node answers 0.2 s after the first, and may have to be introduced before. */
const answersMs = 450;

export function createSelfTest(options: SelfTestOptions): SelfTest {
  const { clock } = options;
  const closing = new AbortController();
  let running: Promise<NetworkVerdict> | undefined;
  let nonce = '';
  let answers = new Map<string, { answer: ProbeAnswer; groupAnswerHeard: boolean }>();

  /** How many there are is not known at first: a few are asked, and all of them when none of these is there. */
  async function run(): Promise<NetworkVerdict> {
    const others = options.others();
    if (others > 0 && others <= answersWanted) return ask(1);
    const found = await ask(Math.max(answersWanted, Math.floor(others / answersWanted)));
    return found.answered > 0 || closing.signal.aborted ? found : ask(1);
  }

  async function ask(oneIn: number): Promise<NetworkVerdict> {
    nonce = randomBytes(8).toString('hex');
    answers = new Map();
    const targets = options.addresses().slice(0, answersWanted);
    for (const probe of probeSeries(nonce, Math.min(oneIn, 65_535))) {
      options.sendToGroup(probe);
      for (const target of targets) options.sendAlone(probe, target);
      await delay(clock, probeEveryMs, closing.signal);
    }
    await delay(clock, answersMs, closing.signal);
    nonce = '';
    const asked = new Set(targets.map(({ node }) => node));
    const heard = [...answers].map(
      ([node, { answer, groupAnswerHeard }]): PeerAnswer => ({
        heardByGroup: shareHeard(answer.heardByGroup),
        heardAlone: shareHeard(answer.heardAlone),
        wasAskedAlone: asked.has(node) || answer.heardAlone !== 0,
        groupAnswerHeard,
        bytesMax: Math.max(longestHeard(answer.heardByGroup), longestHeard(answer.heardAlone)),
      }),
    );
    const expected = Math.max(options.others(), targets.length);
    return networkVerdict(options.state(), heard, { expected, unanswered: options.unanswered() });
  }

  return {
    run() {
      running ??= run().finally(() => {
        running = undefined;
      });
      return running;
    },
    hear(from, answer, toGroup) {
      if (answer.nonce !== nonce) return;
      const before = answers.get(from);
      answers.set(from, { answer, groupAnswerHeard: toGroup || before?.groupAnswerHeard === true });
    },
    isAwaited: (answer) => answer.nonce === nonce,
    close: () => closing.abort(),
  };
}
