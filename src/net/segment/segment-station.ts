// A node's place on the control channel: its voice, whom it believes, its sockets, and the test of the network, put together. Speaks for
// whoever runs it and hands over what others say; what is said is the machine's.

import type { ControlChannel as ChannelPlace, ControlMessage } from '../../model/segment.ts';
import type { Destination } from '../../protocol/machine.ts';
import type { Clock } from '../clock.ts';
import type { InterfaceWishes } from './channel/choose-interface.ts';
import {
  type Channel,
  type ChannelState,
  type KnownAddress,
  openControlChannel,
} from './channel/control-channel.ts';
import type { NetworkVerdict } from './self-test/network-verdict.ts';
import { createProbeAnswerer } from './self-test/probe-answerer.ts';
import { createSelfTest } from './self-test/self-test.ts';
import { createBurstCounter } from './throughput/burst-counter.ts';
import { createThroughputTest, type ThroughputResult } from './throughput/throughput-test.ts';
import { type BelievedMessage, createAuthenticator } from './trust/authenticator.ts';
import type { DropReason } from './trust/drop-counter.ts';
import type { VoiceIdentity } from './trust/own-voice.ts';
import type { SocketAddress } from './trust/peer-book.ts';
import { type Addressee, bodyBytesMax } from './wire/envelope.ts';
import { isDriverMessage, type SegmentMessage } from './wire/segment-message.ts';
import { splitMessage } from './wire/split-message.ts';
import { datagramBytesMax } from './wire/wire-limits.ts';

export interface HeardMessage {
  readonly from: string;
  readonly message: ControlMessage;
  readonly toGroup: boolean;
}

export interface StationState extends ChannelState {
  /** Of the last self-test; null before the first. */
  readonly verdict: NetworkVerdict | null;
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  /** Nodes that have introduced themselves. */
  readonly peers: number;
  readonly twins: readonly string[];
}

export interface SegmentStation {
  state(): StationState;
  send(to: Destination, message: ControlMessage): void;
  /** Where nodes are said to be. */
  know(addresses: readonly KnownAddress[]): void;
  /** How many others are said to be up. */
  expect(others: number): void;
  revoke(fingerprints: readonly string[]): void;
  /** PEM. */
  believe(authorities: string): void;
  /** Messages count for this segment from now on, over that channel. */
  move(segment: string, place: ChannelPlace): Promise<void>;
  /** To the group, several times; false: it fits no datagram. */
  announceDecision(text: Uint8Array): boolean;
  /** Where others are, by what was heard and said. */
  addresses(): readonly KnownAddress[];
  /** Tests the network, and acts upon it. */
  test(): Promise<NetworkVerdict>;
  /** Measures what the network carries by multicast, up to that rate. Rejects where it cannot be measured. */
  measure(bytesPerSecondMax: number): Promise<ThroughputResult>;
  close(): Promise<void>;
}

export interface SegmentStationOptions {
  readonly node: string;
  readonly identity: () => VoiceIdentity;
  readonly authorities: string;
  readonly boot: number;
  readonly segment: string;
  readonly place: ChannelPlace;
  /** `auto`: as the self-test finds; else that is used whatever it finds. */
  readonly transport: 'auto' | 'multicast' | 'unicast';
  /** What this node makes of a place that it is told. */
  readonly adapt?: (place: ChannelPlace) => ChannelPlace;
  readonly wishes: Omit<InterfaceWishes, 'family'>;
  readonly clock: Clock;
  readonly onMessage: (message: HeardMessage) => void;
  readonly onDecision?: (from: string, text: Uint8Array) => void;
  /** What this node may send by multicast as the segment's leader; null, and absent: no limit, or it leads nobody. */
  readonly bytesPerSecondMax?: () => number | null;
  readonly onReached: (own: SocketAddress | null) => void;
  readonly onOtherSegment: (segment: string) => void;
  readonly onTwin: (node: string, source: SocketAddress) => void;
  /** A defect, met with a datagram. */
  readonly onBroken: (error: unknown) => void;
}

/** Who is reached by unicast says so to all this often (CHAN-14). */
const presentEveryMs = 60_000;
/** Whether what did not work works now. */
const testAgainMs = 300_000;
/** While nobody has answered, though somebody should. */
const testUnansweredMs = 10_000;
/** A decision is said so often: a datagram may be lost, and nobody answers. */
const decisionTimes = 3;
const decisionEveryMs = 10;

export async function openSegmentStation(options: SegmentStationOptions): Promise<SegmentStation> {
  const { node, clock, transport } = options;
  let { segment } = options;
  let others = 0;
  let verdict: NetworkVerdict | null = null;
  let closed = false;
  const cancels = new Set<() => void>();
  /** Undefined while the first interface is looked for. */
  let channel: Channel | undefined;

  const authenticator = createAuthenticator({
    ...options,
    segment: () => segment,
    wantsUnicast: () => channel !== undefined && wantsUnicast(channel.state()),
    ownSource: () => channel?.state().own ?? undefined,
    now: clock.now,
    isOfInterest,
    onMessage: hear,
    reply: (datagram, to) => channel?.sendAt(to, datagram),
  });
  const answerer = createProbeAnswerer({
    node,
    clock,
    answer(to, answer) {
      speak({ node: to }, answer, (bytes) => channel?.sendTo(to, bytes));
      speak('group', answer, (bytes) => channel?.sendMulticast(bytes));
    },
  });
  const counter = createBurstCounter({
    node,
    clock,
    interface: () => channel?.state().interface ?? null,
    bytesPerSecondMax: () => options.bytesPerSecondMax?.() ?? null,
    answer: (to, answer) => speak({ node: to }, answer, (bytes) => channel?.sendTo(to, bytes)),
  });
  const opened = await openControlChannel({
    place: placeFor(options.place),
    wishes: options.wishes,
    peers: authenticator.peers,
    clock,
    onDatagram(bytes, source) {
      try {
        authenticator.receive(bytes, source);
      } catch (error) {
        options.onBroken(error);
      }
    },
    onChanged() {
      if (closed) return;
      options.onReached(channel?.state().own ?? null);
      void test();
    },
  });
  channel = opened;
  const selfTest = createSelfTest({
    clock,
    state: opened.state,
    others: () => others,
    unanswered: authenticator.unanswered,
    addresses,
    sendToGroup: (probe) => speak('group', probe, opened.sendMulticast),
    sendAlone: (probe, to) =>
      speak(to.node === null ? 'anyone' : { node: to.node }, probe, (bytes) => opened.sendAt(to, bytes)),
  });

  const throughput = createThroughputTest({
    clock,
    interface: () => opened.state().interface,
    ask: (burst) => speak('group', burst, opened.sendGroup),
  });

  function placeFor(said: ChannelPlace): ChannelPlace {
    const place = options.adapt?.(said) ?? said;
    return transport === 'unicast' ? { transport, group: null, port: place.port } : place;
  }

  function addresses(): KnownAddress[] {
    const heard = [...authenticator.peers.all()].map(({ node: name, source }) => ({ node: name, ...source }));
    const names = new Set(heard.map((entry) => entry.node));
    return [...heard, ...opened.knows().filter((entry) => entry.node === null || !names.has(entry.node))];
  }

  function speak(to: Addressee, message: SegmentMessage, send: (bytes: Buffer) => void): void {
    send(authenticator.say(to, message));
  }

  /** A fleet that starts at once does not get to know each other for the sake of probes. */
  function isOfInterest(message: SegmentMessage): boolean {
    if (message.type === 'probe') return answerer.isChosen(message);
    if (message.type === 'burst') return counter.isChosen(message);
    if (message.type === 'burst-answer') return throughput.isAwaited(message);
    return message.type !== 'probe-answer' || selfTest.isAwaited(message);
  }

  function hear({ from, message, toGroup }: BelievedMessage): void {
    if (!isDriverMessage(message)) options.onMessage({ from, message, toGroup });
    else if (message.type === 'probe') answerer.hear(from, message, toGroup);
    else if (message.type === 'probe-answer') selfTest.hear(from, message, toGroup);
    else if (message.type === 'burst') counter.hear(from, message);
    else if (message.type === 'burst-answer') throughput.hear(from, message);
    else if (message.type === 'decision') options.onDecision?.(from, message.text);
  }

  async function test(): Promise<NetworkVerdict> {
    const found = await selfTest.run();
    if (closed) return found;
    verdict = found;
    if (transport === 'auto') opened.use(found.use);
    if (wantsUnicast(opened.state())) speak('group', { type: 'present' }, opened.sendGroup);
    return found;
  }

  function repeat(everyMs: number, run: () => void): void {
    const cancel = clock.after(everyMs, () => {
      cancels.delete(cancel);
      if (closed) return;
      run();
      repeat(everyMs, run);
    });
    cancels.add(cancel);
  }

  repeat(presentEveryMs, () => {
    if (wantsUnicast(opened.state())) speak('group', { type: 'present' }, opened.sendGroup);
  });
  repeat(testAgainMs, () => {
    if (verdict?.transport === 'unicast' && opened.state().place.group !== null) void test();
  });

  repeat(testUnansweredMs, () => {
    const isExpected = others > 0 || addresses().length > 0;
    if (isExpected && verdict?.answered === 0) void test();
  });

  return {
    state: () => ({
      ...opened.state(),
      verdict,
      dropped: authenticator.drops.counts(),
      peers: [...authenticator.peers.all()].length,
      twins: authenticator.peers.twins(),
    }),
    send(to, message) {
      for (const part of splitMessage(message)) {
        if ('group' in to) speak('group', part, opened.sendGroup);
        else speak(to, part, (bytes) => opened.sendTo(to.node, bytes));
      }
    },
    know: (known) => opened.know(known),
    expect(count) {
      others = count;
    },
    revoke: authenticator.revoke,
    believe: authenticator.believe,
    async move(next, place) {
      segment = next;
      await opened.move(placeFor(place));
    },
    announceDecision(text) {
      if (text.length > bodyBytesMax - 2) return false;
      const say = (left: number): void => {
        if (closed) return;
        speak('group', { type: 'decision', text }, opened.sendGroup);
        if (left === 0) return;
        const cancel = clock.after(decisionEveryMs, () => {
          cancels.delete(cancel);
          say(left - 1);
        });
        cancels.add(cancel);
      };
      say(decisionTimes - 1);
      return true;
    },
    addresses,
    test,
    measure: (bytesPerSecondMax) =>
      throughput.run({
        bytesPerSecondMax,
        datagramBytes: verdict?.bytesMax ?? datagramBytesMax,
        others: Math.max(others, addresses().length),
      }),
    async close() {
      closed = true;
      for (const cancel of cancels) cancel();
      answerer.close();
      selfTest.close();
      counter.close();
      throughput.close();
      await opened.close();
    },
  };
}

/** CHAN-14: whether others have to send this node the group's messages by itself. */
function wantsUnicast({ isJoined, use }: ChannelState): boolean {
  return !isJoined || !use.hears;
}
