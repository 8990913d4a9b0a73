// A small LAN under a virtual clock for the tests of single machines: seeded loss, delay and duplication, links that are cut one way, nodes that
// crash or pause. Checks nothing itself. Whole segments with faults drawn from a seed are src/sim's.

import type { Destination, Effect, Instant, Machine } from '../machine.ts';

export interface LanOptions<Input, Message> {
  readonly seed: number;
  /** Of a message on one link. */
  readonly lossShare?: number;
  readonly duplicateShare?: number;
  readonly delayMinMs?: number;
  readonly delayMaxMs?: number;
  /** What a driver splits for the sake of its datagrams. */
  readonly datagrams?: (message: Message) => readonly Message[];
  readonly toInput: (from: string, message: Message, toGroup: boolean) => Input;
}

export interface Lan<Input, Message, Fact> {
  readonly now: Instant;
  readonly sent: {
    readonly at: Instant;
    readonly from: string;
    readonly to: Destination;
    message: Message;
  }[];
  readonly facts: { readonly at: Instant; readonly node: string; readonly fact: Fact }[];
  readonly logged: { readonly node: string; readonly event: string }[];
  random(): number;
  add(node: string, machine: Machine<Input, Effect<Message, unknown, Fact>>): void;
  /** Without a word, and with everything that it knew. */
  crash(node: string): void;
  /** What reaches it meanwhile waits for it; its timers stand still. */
  pause(node: string): void;
  resume(node: string): void;
  cut(from: string, to: string): void;
  heal(): void;
  setLoss(share: number): void;
  isUp(node: string): boolean;
  input(node: string, input: Input): void;
  run(forMs: number): void;
}

interface Station<Input, Message, Fact> {
  readonly machine: Machine<Input, Effect<Message, unknown, Fact>>;
  timeoutAt: Instant;
  /** Null: it runs. */
  inbox: Input[] | null;
}

/** mulberry32 */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const stepsAtOnceMax = 100_000;

export function createLan<Input, Message, Fact>(
  options: LanOptions<Input, Message>,
): Lan<Input, Message, Fact> {
  const { delayMinMs = 0.1, delayMaxMs = 2, duplicateShare = 0, toInput } = options;
  const random = seededRandom(options.seed);
  const stations = new Map<string, Station<Input, Message, Fact>>();
  const cuts = new Set<string>();
  /** Sorted by time, the next one last. */
  let flying: { at: Instant; to: string; input: Input }[] = [];
  let { lossShare = 0 } = options;
  let now = 0;
  const sent: Lan<Input, Message, Fact>['sent'] = [];
  const facts: Lan<Input, Message, Fact>['facts'] = [];
  const logged: Lan<Input, Message, Fact>['logged'] = [];

  function fly(from: string, to: string, input: Input): void {
    if (cuts.has(`${from}>${to}`)) return;
    const copies = random() < duplicateShare ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (random() < lossShare) continue;
      const at = now + delayMinMs + random() * (delayMaxMs - delayMinMs);
      let low = 0;
      for (let high = flying.length; low < high; ) {
        const middle = (low + high) >> 1;
        if ((flying[middle]?.at ?? 0) > at) low = middle + 1;
        else high = middle;
      }
      flying.splice(low, 0, { at, to, input });
    }
  }

  function carryOut(from: string, effect: Effect<Message, unknown, Fact>): void {
    if (effect.effect === 'deliver') facts.push({ at: now, node: from, fact: effect.fact });
    else if (effect.effect === 'log') logged.push({ node: from, event: effect.event });
    else
      for (const { to, message } of effect.effect === 'send' ? [effect] : effect.thenSend) {
        sent.push({ at: now, from, to, message });
        const targets = 'group' in to ? [...stations.keys()].filter((node) => node !== from) : [to.node];
        for (const datagram of options.datagrams?.(message) ?? [message])
          for (const target of targets) fly(from, target, toInput(from, datagram, 'group' in to));
      }
  }

  function after(node: string, station: Station<Input, Message, Fact>): void {
    for (let effect = station.machine.pollEffect(); effect; effect = station.machine.pollEffect())
      carryOut(node, effect);
    station.timeoutAt = station.machine.nextTimeout() ?? Number.POSITIVE_INFINITY;
  }

  function handle(node: string, input: Input): void {
    const station = stations.get(node);
    if (station === undefined) return;
    if (station.inbox !== null) {
      station.inbox.push(input);
      return;
    }
    station.machine.handle(now, input);
    after(node, station);
  }

  function nextTimer(): { node: string; station: Station<Input, Message, Fact> } | undefined {
    let best: { node: string; station: Station<Input, Message, Fact> } | undefined;
    for (const [node, station] of stations)
      if (station.inbox === null && station.timeoutAt < (best?.station.timeoutAt ?? Number.POSITIVE_INFINITY))
        best = { node, station };
    return best;
  }

  return {
    get now() {
      return now;
    },
    sent,
    facts,
    logged,
    random,
    add(node, machine) {
      const station = { machine, timeoutAt: Number.POSITIVE_INFINITY, inbox: null };
      stations.set(node, station);
      after(node, station);
    },
    crash(node) {
      stations.delete(node);
      flying = flying.filter(({ to }) => to !== node);
    },
    pause(node) {
      const station = stations.get(node);
      if (station) station.inbox ??= [];
    },
    resume(node) {
      const station = stations.get(node);
      if (station === undefined || station.inbox === null) return;
      const waiting = station.inbox;
      station.inbox = null;
      // As in a real process: what is overdue comes first, then what has arrived.
      station.machine.onTimeout(now);
      after(node, station);
      for (const input of waiting) handle(node, input);
    },
    isUp: (node) => stations.has(node),
    cut: (from, to) => void cuts.add(`${from}>${to}`),
    heal: () => cuts.clear(),
    setLoss(share) {
      lossShare = share;
    },
    input: handle,
    run(forMs) {
      const until = now + forMs;
      let stepsAtOnce = 0;
      for (;;) {
        const timer = nextTimer();
        const timerAt = timer?.station.timeoutAt ?? Number.POSITIVE_INFINITY;
        const message = flying.at(-1);
        const at = Math.min(timerAt, message?.at ?? Number.POSITIVE_INFINITY);
        if (at > until) break;
        stepsAtOnce = at > now ? 0 : stepsAtOnce + 1;
        if (stepsAtOnce > stepsAtOnceMax) throw new Error(`a machine is never done at ${now} ms`);
        now = Math.max(now, at);
        if (message !== undefined && message.at <= timerAt) {
          flying.pop();
          handle(message.to, message.input);
        } else if (timer !== undefined) {
          timer.station.machine.onTimeout(now);
          after(timer.node, timer.station);
        }
      }
      now = until;
    },
  };
}
