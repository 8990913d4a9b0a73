// A simulated sender: the product's machine, paced by ticks of a millisecond, and the bytes that cross its interface.

import type { MctpSender, MctpSenderFact, MctpSenderInput } from '../../protocol/mctp/mctp-machines.ts';
import type { MctpFrame, MctpSenderMessage } from '../../protocol/mctp/mctp-messages.ts';
import type { MctpRules } from '../../protocol/mctp/mctp-rules.ts';
import { createMctpSender } from '../../protocol/mctp/mctp-sender.ts';
import type { MctpSession } from '../../protocol/mctp/mctp-session.ts';
import { createMctpRate } from '../../protocol/mctp/rate.ts';
import type { EventQueue } from '../kernel/event-queue.ts';
import { createLazyTimer } from './lazy-timer.ts';

export interface SimSenderOptions {
  readonly session: MctpSession;
  readonly receivers: readonly string[];
  readonly quorum: number;
  readonly linkBytesPerSecond: number;
  readonly queue: EventQueue;
  readonly rules: MctpRules;
  readonly frame: (frame: MctpFrame) => void;
  /** To one node, or to all. */
  readonly send: (to: string | null, message: MctpSenderMessage) => void;
  readonly fact: (fact: MctpSenderFact) => void;
}

export interface SimSender {
  readonly session: MctpSession;
  handle(input: MctpSenderInput): void;
  pause(): void;
  resume(): void;
  crash(): void;
  hasEnded(): boolean;
  status(): ReturnType<MctpSender['status']>;
}

const tickMs = 1;
const bytesPerTickMax = 1_000_000;

export function createSimSender(options: SimSenderOptions): SimSender {
  const { queue, session, linkBytesPerSecond } = options;
  const machine = createMctpSender({
    now: queue.now(),
    session,
    receivers: options.receivers,
    quorum: options.quorum,
    rate: createMctpRate({ now: queue.now(), linkBytesPerSecond }),
    rules: options.rules,
  });
  let isTicking = false;
  let isPaused = false;
  let isDead = false;
  let hasEnded = false;
  let backlog: MctpSenderInput[] = [];
  const timer = createLazyTimer(
    queue,
    () => (isPaused || isDead ? undefined : machine.nextTimeout()),
    () => {
      machine.onTimeout(queue.now());
      drain();
    },
  );

  function drain(): void {
    for (let effect = machine.pollEffect(); effect !== undefined; effect = machine.pollEffect()) {
      if (effect.effect === 'send')
        options.send('group' in effect.to ? null : effect.to.node, effect.message);
      else if (effect.effect === 'deliver') {
        if (effect.fact.fact === 'ended') hasEnded = true;
        options.fact(effect.fact);
      }
    }
    timer.arm();
    if (isTicking || isPaused || isDead || !machine.wantsToSend()) return;
    isTicking = true;
    queue.add(queue.now() + tickMs, tick, null, 0);
  }

  function tick(): void {
    isTicking = false;
    if (isPaused || isDead) return;
    for (const frame of machine.nextFrames(queue.now(), bytesPerTickMax)) options.frame(frame);
    drain();
  }

  queue.add(queue.now(), drain, null, 0);

  return {
    session,
    handle(input) {
      if (isDead) return;
      if (isPaused) {
        backlog.push(input);
        return;
      }
      machine.handle(queue.now(), input);
      drain();
    },
    pause() {
      isPaused = true;
    },
    resume() {
      if (isDead || !isPaused) return;
      isPaused = false;
      // Its timers come first, as they do in an event loop.
      machine.onTimeout(queue.now());
      const inputs = backlog;
      backlog = [];
      for (const input of inputs) machine.handle(queue.now(), input);
      drain();
    },
    crash() {
      isDead = true;
    },
    hasEnded: () => isDead || hasEnded,
    status: () => machine.status(),
  };
}
