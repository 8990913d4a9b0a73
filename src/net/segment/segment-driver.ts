// Runs a node's segment machine over the control channel: clock, timers, sockets, signatures, and its ballots on disk. What is decided is the
// machine's; what the CCM is told, and what the node says of itself, is whoever's who made this.

import type {
  ControlChannel as ChannelPlace,
  ControlMessage,
  MemberDescription,
} from '../../model/segment.ts';
import type { Ballot } from '../../protocol/election/claim.ts';
import type { MemberFact, MemberInput, SegmentMember } from '../../protocol/segment/segment-member.ts';
import type { KnownAddress } from './channel/control-channel.ts';
import { createEffectRunner } from './effect-runner.ts';
import {
  openSegmentStation,
  type SegmentStation,
  type SegmentStationOptions,
  type StationState,
} from './segment-station.ts';
import type { SocketAddress } from './trust/peer-book.ts';

export interface SegmentDriver {
  readonly station: Pick<
    SegmentStation,
    'revoke' | 'believe' | 'test' | 'measure' | 'announceDecision' | 'addresses'
  >;
  state(): StationState;
  machine(): ReturnType<SegmentMember['status']>;
  /** The leader that this node follows, if that leader says that the CCM accepts it. */
  acceptedLeader(): string | null;
  input(
    input: Exclude<MemberInput, { readonly input: 'message' | 'persistFailed' | 'network' | 'stop' }>,
  ): void;
  /** Where others are said to be, by the configuration and the CCM, and how many are said to be up. */
  peers(addresses: readonly KnownAddress[], others: number): void;
  /** Says goodbye, and waits until that is sent. Idempotent. */
  close(): Promise<void>;
}

export interface SegmentDriverOptions
  extends Omit<SegmentStationOptions, 'onMessage' | 'onReached' | 'onOtherSegment' | 'onTwin' | 'onBroken'> {
  /** The last one that was made durable for this segment. */
  readonly ballot: Ballot;
  /** With where this node is reached at first. */
  readonly createMachine: (start: {
    readonly now: number;
    readonly own: SocketAddress | null;
  }) => SegmentMember;
  /** Where it is reached has changed. */
  readonly describe: (own: SocketAddress) => MemberDescription;
  /** Durable when it resolves. */
  readonly persist: (segment: string, ballot: Ballot) => Promise<void>;
  readonly onFact: (fact: MemberFact) => void;
  /** The machine has done something: its state may be another. */
  readonly onStep?: () => void;
  readonly onOtherSegment: (segment: string) => void;
  /** A defect, told once: the machine runs no more, and the driver is to be closed and made anew. */
  readonly onBroken: (error: unknown) => void;
  readonly log: (level: 'debug' | 'warn', event: string, data: object) => void;
}

export async function createSegmentDriver(options: SegmentDriverOptions): Promise<SegmentDriver> {
  const { clock, log, node } = options;
  let { segment } = options;
  let { ballot } = options;
  let cancelTimer: (() => void) | undefined;
  let timerAt: number | undefined;
  let said: readonly KnownAddress[] = [];
  let listed: readonly KnownAddress[] = [];
  let closing: Promise<void> | undefined;
  let machine: SegmentMember | undefined;
  let acceptedLeader: string | null = null;
  let isUp = true;
  let isBroken = false;

  const station = await openSegmentStation({
    ...options,
    onMessage({ from, message }) {
      handle({ input: 'message', from, message });
      if (message.type === 'leader-alive') hearLeader(from, message.accepted);
    },
    onReached(own) {
      const isUpNow = own !== null;
      if (isUpNow !== isUp) handle({ input: 'network', up: isUpNow });
      isUp = isUpNow;
      if (own !== null) handle({ input: 'self', self: options.describe(own) });
    },
    onBroken: fail,
    onTwin: (name, source) =>
      log('warn', 'two processes speak in the name of one node', { node: name, ...source }),
  });

  const runner = createEffectRunner<ControlMessage, Ballot, MemberFact>({
    send: ({ to, message }) => transmit(to, message),
    async persist(next) {
      ballot = next;
      await options.persist(segment, next);
    },
    deliver(fact) {
      act(fact);
      options.onFact(fact);
    },
    log: (event, data) => log('debug', event, data),
    onPersistFailed(error) {
      log('warn', 'the ballot could not be written', { err: error });
      handle({ input: 'persistFailed' });
    },
  });

  function transmit(to: Parameters<SegmentStation['send']>[0], message: ControlMessage): void {
    try {
      station.send(to, message);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      log('warn', 'a message does not fit the control channel', { type: message.type, err: error });
    }
  }

  function hearLeader(from: string, isAccepted: boolean): void {
    if (machine?.status(clock.now()).leader !== from) return;
    const before = acceptedLeader;
    acceptedLeader = isAccepted ? from : null;
    if (acceptedLeader !== before) options.onStep?.();
  }

  /** A defect in here costs the node its part in the segment for a while, and not its sites. */
  function guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      fail(error);
    }
  }

  function fail(error: unknown): void {
    if (isBroken) return;
    isBroken = true;
    machine = undefined;
    cancelTimer?.();
    options.onBroken(error);
  }

  function handle(input: MemberInput): void {
    guarded(() => {
      machine?.handle(clock.now(), input);
      pump();
    });
  }

  function pump(): void {
    if (machine === undefined) return;
    for (let effect = machine.pollEffect(); effect !== undefined; effect = machine?.pollEffect())
      runner.add(effect);
    options.onStep?.();
    const next = machine.nextTimeout();
    if (next === timerAt) return;
    cancelTimer?.();
    timerAt = next;
    if (next === undefined) return;
    cancelTimer = clock.after(Math.max(0, next - clock.now()), () => {
      timerAt = undefined;
      guarded(() => {
        machine?.onTimeout(clock.now());
        pump();
      });
    });
  }

  /** What the driver itself does about a fact. */
  function act(fact: MemberFact): void {
    if (fact.fact === 'members') {
      const others = fact.members.filter((member) => member.node !== node);
      listed = others.map(({ node: name, address, port }) => ({ node: name, address, port }));
      tell();
    } else if (fact.fact === 'move') {
      void move(fact.to.segment, fact.to.channel);
    } else if (fact.fact === 'deaf' || fact.fact === 'unheard') {
      log('warn', fact.fact === 'deaf' ? 'nobody is heard' : 'others do not hear this node', {});
      void station.test();
    }
  }

  function tell(): void {
    const names = new Set(listed.map((entry) => entry.node));
    station.know([...listed, ...said.filter((entry) => entry.node === null || !names.has(entry.node))]);
  }

  async function move(next: string, place: ChannelPlace): Promise<void> {
    // What was voted holds in the segment's next name as well: the machine goes on.
    if (next !== segment) {
      await options.persist(next, ballot).catch((error: unknown) => {
        log('warn', 'the ballot could not be written', { err: error });
      });
    }
    segment = next;
    await station.move(next, place);
  }

  const member = options.createMachine({ now: clock.now(), own: station.state().own });
  machine = member;
  isUp = station.state().own !== null;
  if (isUp) guarded(pump);
  else handle({ input: 'network', up: false });
  void station.test();

  return {
    station,
    state: station.state,
    machine: () => member.status(clock.now()),
    acceptedLeader: () => acceptedLeader,
    input: handle,
    peers(addresses, others) {
      said = addresses.filter((entry) => entry.node !== node);
      tell();
      station.expect(others);
      handle({ input: 'peers', others });
    },
    close() {
      closing ??= (async () => {
        handle({ input: 'stop' });
        cancelTimer?.();
        machine = undefined;
        await runner.idle();
        await station.close();
      })();
      return closing;
    },
  };
}
