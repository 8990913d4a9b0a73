// One simulated node: it runs a protocol machine as a driver with sockets would, on its own clock, and suffers crashes, pauses, slowness and
// a disk that fails. What is durable survives a crash as of the last write that was carried out. Decides nothing of the protocol.

import type { Effect, Instant, Machine, Outgoing } from '../../protocol/machine.ts';
import type { CrashMoment } from '../faults/fault.ts';
import type { EventQueue } from '../kernel/event-queue.ts';
import type { Random } from '../kernel/random.ts';
import { createIntroductions } from './introductions.ts';
import { type ClockSkew, createSimClock } from './sim-clock.ts';

/** Shared by all that receive it. */
export interface Packet<Message> {
  readonly from: number;
  readonly boot: number;
  readonly counter: number;
  readonly toGroup: boolean;
  /** Or the drivers' own: one asks the other to introduce itself, and it does. */
  readonly message: Message | 'ask' | 'answer';
}

/** What a node tells of what happens in it, in the order in which it happens. */
export interface NodeObserver<Message, Durable, Fact> {
  started(node: number): void;
  /** Crashed, or gone after a leave. */
  stopped(node: number): void;
  sent(node: number, to: Outgoing<Message>['to'], message: Message): void;
  /** Before the machine sees it. */
  heard(node: number, from: number, message: Message): void;
  persisted(node: number, state: Durable): void;
  told(node: number, fact: Fact): void;
  logged(node: number, event: string, data: object): void;
}

export interface SimNodeOptions<Message, Durable, Fact, Input> {
  readonly index: number;
  /** How many nodes there are. */
  readonly nodes: number;
  readonly queue: EventQueue;
  readonly random: Random;
  readonly skew: ClockSkew;
  /** Its boot counter is not durable. */
  readonly forgetsBoots: boolean;
  /** Made anew at each start, from what is durable. */
  createMachine(now: Instant, durable: Durable | undefined): Machine<Input, Effect<Message, Durable, Fact>>;
  readonly inputs: {
    message(from: number, message: Message, toGroup: boolean): Input;
    readonly persistFailed: Input;
    readonly stop: Input;
  };
  /** What the driver makes of one message: the parts of a long list. */
  split(message: Message): readonly Message[];
  /** To one node, or to the group. */
  transmit(to: number | 'group', packet: Packet<Message>): void;
  indexOf(name: string): number;
  readonly observer: NodeObserver<Message, Durable, Fact>;
}

export interface SimNode<Message, Input> {
  start(): void;
  /** Now, or at its next durable write, at the latest after a second. */
  crash(moment: CrashMoment): void;
  /** Tells the machine, sends what it says to that, and ends. */
  leave(): void;
  pause(): void;
  resume(): void;
  /** 0: as quick as ever. */
  slow(delayMaxMs: number): void;
  failDisk(failing: boolean): void;
  receive(packet: Packet<Message>): void;
  /** From whoever runs the node; waits like a packet while it is paused or slow. Lost when it is down. */
  tell(input: Input): void;
  isUp(): boolean;
  isPaused(): boolean;
  /** What its clock shows. */
  localNow(): Instant;
}

/** A socket's buffer: what comes beyond is dropped by the kernel. */
const inboxMax = 300;
const armedCrashMaxMs = 1000;
/** How late a timer of an idle process is at most. */
const timerLateMaxMs = 1;
const leaveMs = 20;
/** How long a durable write takes. */
const persistMinMs = 0.2;
const persistMaxMs = 12;

export function createSimNode<Message, Durable, Fact, Input>(
  options: SimNodeOptions<Message, Durable, Fact, Input>,
): SimNode<Message, Input> {
  type NodeEffect = Effect<Message, Durable, Fact>;
  const { index, queue, random, observer, inputs, transmit, indexOf } = options;
  const clock = createSimClock(options.skew);
  const introductions = createIntroductions<Packet<Message>>(options.nodes);

  // What survives a crash.
  let durable: Durable | undefined;
  let boot = 0;

  // The process.
  let machine: Machine<Input, NodeEffect> | undefined;
  /** Counts starts, so that what a former process began touches no later one. */
  let life = 0;
  let counter = 0;
  let isPaused = false;
  let isDiskFailing = false;
  let slowMs = 0;
  let armed: CrashMoment = 'now';
  let inbox: (Packet<Message> | { readonly input: Input })[] = [];
  let isWorking = false;
  let isTimerDue = false;
  let timerId = 0;
  let timerAt = Number.POSITIVE_INFINITY;
  /** Effects behind a durable write that is under way. */
  let waiting: NodeEffect[] | undefined;
  /** What ended while the process was paused. */
  let held: (() => void)[] = [];
  let lastLocal = Number.NEGATIVE_INFINITY;

  const localNow = (): number => {
    lastLocal = Math.max(lastLocal, clock.local(queue.now()));
    return lastLocal;
  };

  const later = (delayMs: number, act: () => void): void => {
    const begun = life;
    queue.add(
      queue.now() + delayMs,
      () => {
        if (life !== begun) return;
        if (isPaused) held.push(act);
        else act();
      },
      null,
      0,
    );
  };

  const emit = (to: number | 'group', message: Packet<Message>['message']): void => {
    counter += 1;
    transmit(to, { from: index, boot, counter, toGroup: to === 'group', message });
  };

  const send = ({ to, message }: Outgoing<Message>): void => {
    for (const part of options.split(message)) {
      observer.sent(index, to, part);
      emit('group' in to ? 'group' : indexOf(to.node), part);
    }
  };

  const persist = (effect: Extract<NodeEffect, { effect: 'persist' }>): void => {
    waiting = [];
    if (armed === 'before-persist') {
      stop();
      return;
    }
    const failing = isDiskFailing;
    later(random.between(persistMinMs, persistMaxMs), () => {
      const behind = waiting ?? [];
      waiting = undefined;
      if (failing) machine?.handle(localNow(), inputs.persistFailed);
      else {
        durable = effect.state;
        observer.persisted(index, effect.state);
        if (armed === 'after-persist') {
          stop();
          return;
        }
        for (const outgoing of effect.thenSend) {
          send(outgoing);
          if (armed === 'amid-sends') {
            stop();
            return;
          }
        }
      }
      for (const [at, next] of behind.entries()) {
        if (waiting !== undefined) {
          (waiting as NodeEffect[]).push(...behind.slice(at));
          break;
        }
        if (!failing || next.effect !== 'send') carryOut(next);
      }
      settle();
    });
  };

  const carryOut = (effect: NodeEffect): void => {
    switch (effect.effect) {
      case 'send':
        send(effect);
        return;
      case 'persist':
        persist(effect);
        return;
      case 'deliver':
        observer.told(index, effect.fact);
        return;
      case 'log':
        observer.logged(index, effect.event, effect.data);
        return;
    }
  };

  const fire = (_: null, id: number): void => {
    if (id !== timerId || machine === undefined) return;
    timerAt = Number.POSITIVE_INFINITY;
    if (isPaused || isWorking || slowMs > 0) {
      isTimerDue = true;
      work();
    } else runTimer();
  };

  const runTimer = (): void => {
    if (machine === undefined) return;
    const due = machine.nextTimeout();
    if (due !== undefined && due <= localNow() + 1e-6) {
      lastLocal = Math.max(lastLocal, due);
      machine.onTimeout(lastLocal);
    }
    settle();
  };

  /** After every call to the machine: its effects are carried out, and its timer is set. */
  const settle = (): void => {
    if (machine === undefined) return;
    for (let effect = machine.pollEffect(); effect !== undefined; effect = machine.pollEffect()) {
      if (waiting !== undefined) waiting.push(effect);
      else carryOut(effect);
      // Carrying out may have ended the process.
      if (machine === undefined) return;
    }
    const due = machine.nextTimeout();
    if (due === undefined) return;
    const at = clock.virtual(due);
    if (at >= timerAt) return;
    timerAt = at;
    timerId += 1;
    queue.add(Math.max(at, queue.now()) + random.between(0, timerLateMaxMs), fire, null, timerId);
  };

  const take = (item: Packet<Message> | { readonly input: Input }): void => {
    if (machine === undefined) return;
    if ('input' in item) {
      machine.handle(localNow(), item.input);
      settle();
    } else if (item.message === 'ask') emit(item.from, 'answer');
    else if (item.message === 'answer') {
      for (const held of introductions.answered(item)) take(held);
    } else {
      const judged = introductions.judge(item, queue.now());
      if (judged === 'ask') emit(item.from, 'ask');
      if (judged !== 'fresh') return;
      observer.heard(index, item.from, item.message);
      machine.handle(localNow(), inputs.message(item.from, item.message, item.toGroup));
      settle();
    }
  };

  /** Takes what waits, one thing after another. */
  const work = (): void => {
    if (isWorking || isPaused || machine === undefined) return;
    if (!isTimerDue && inbox.length === 0) return;
    isWorking = true;
    const begun = life;
    queue.add(
      queue.now() + random.between(0, slowMs),
      () => {
        if (life !== begun) return;
        isWorking = false;
        if (isPaused) return;
        // After a pause either may come first.
        if (isTimerDue && (inbox.length === 0 || random.chance(0.5))) {
          isTimerDue = false;
          runTimer();
        } else {
          const item = inbox.shift();
          if (item !== undefined) take(item);
        }
        work();
      },
      null,
      0,
    );
  };

  const offer = (item: Packet<Message> | { readonly input: Input }): void => {
    if (machine === undefined) return;
    if (!isPaused && slowMs === 0 && !isWorking && inbox.length === 0) {
      take(item);
      return;
    }
    if (inbox.length < inboxMax) inbox.push(item);
    work();
  };

  const stop = (): void => {
    if (machine === undefined) return;
    machine = undefined;
    life += 1;
    timerId += 1;
    timerAt = Number.POSITIVE_INFINITY;
    isPaused = false;
    isWorking = false;
    isTimerDue = false;
    armed = 'now';
    inbox = [];
    held = [];
    waiting = undefined;
    observer.stopped(index);
  };

  return {
    start() {
      if (machine !== undefined) return;
      boot = options.forgetsBoots ? 1 : boot + 1;
      counter = 0;
      introductions.forget();
      machine = options.createMachine(localNow(), durable);
      observer.started(index);
      settle();
    },
    crash(moment) {
      if (machine === undefined) return;
      if (moment === 'now') {
        stop();
        return;
      }
      armed = moment;
      later(armedCrashMaxMs, stop);
    },
    leave() {
      if (machine === undefined) return;
      machine.handle(localNow(), inputs.stop);
      settle();
      later(leaveMs, stop);
    },
    pause() {
      isPaused = machine !== undefined;
    },
    resume() {
      if (!isPaused) return;
      isPaused = false;
      isWorking = false;
      for (const act of held.splice(0)) act();
      work();
    },
    slow(delayMaxMs) {
      slowMs = delayMaxMs;
    },
    failDisk(failing) {
      isDiskFailing = failing;
    },
    receive: offer,
    tell: (input) => offer({ input }),
    isUp: () => machine !== undefined,
    isPaused: () => isPaused,
    localNow,
  };
}
