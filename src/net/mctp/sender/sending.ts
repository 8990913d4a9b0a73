// MCTP-78: a sender over real sockets. Reads what the machine wants sent, puts MACs on it, and tells the machine what receivers say; whoever started
// it hears what the machine finds.

import { randomBytes } from 'node:crypto';
import { limitRate } from '../../../protocol/mctp/limited-rate.ts';
import type {
  MctpSenderEffect,
  MctpSenderFact,
  MctpSenderInput,
} from '../../../protocol/mctp/mctp-machines.ts';
import type { MctpSenderMessage } from '../../../protocol/mctp/mctp-messages.ts';
import { createMctpSender } from '../../../protocol/mctp/mctp-sender.ts';
import { createMctpLayout, type MctpSession, sessionProblem } from '../../../protocol/mctp/mctp-session.ts';
import type { MctpRate } from '../../../protocol/mctp/rate.ts';
import type { SocketAddress } from '../../segment/trust/peer-book.ts';
import { openSenderSockets, type SenderSockets } from '../channel/data-sockets.ts';
import { watchInterface } from '../channel/interface-watch.ts';
import { createParityCodec } from '../fec/parity-codec.ts';
import { createFrameMac, macKeyBytes } from '../mac/frame-mac.ts';
import { createMachineRunner, instant } from '../machine-runner.ts';
import type { MctpOptions } from '../mctp.ts';
import type { MctpNotice, Sending, SendingOptions } from '../mctp-session.ts';
import { type DatagramKind, datagramKind } from '../wire/datagram-header.ts';
import { digestsOf, signedDigests } from '../wire/frame-digests.ts';
import { encodeDigests, encodeFetch, encodeRequest } from '../wire/message-codec.ts';
import { createSpeaker } from '../wire/speaker.ts';
import { createFrameSender } from './frame-sender.ts';
import { createLagWatch } from './lag-watch.ts';
import { manifestHashes } from './manifest-hashes.ts';
import { createPayloadStore } from './payload-store.ts';
import { createReceiverBook, type Receiver } from './receiver-book.ts';
import { unicastSentence } from './unicast-sentence.ts';

export interface SendingPlace {
  readonly group: SocketAddress;
  /** The first of those on which it hears statuses. */
  readonly port: number;
  readonly rate: MctpRate;
  readonly framePayloadBytes: number;
}

/** Rejects when the source cannot be carried, or there is no network. */
export async function openSending(
  place: SendingPlace,
  { node, clock, log, sign, interface: chosen }: MctpOptions,
  { source, receivers: names, repair, quorum, bytesPerSecondMax, onEvent }: SendingOptions,
): Promise<Sending> {
  const { group, framePayloadBytes } = place;
  const { manifest } = source;
  const session = randomBytes(4).readUInt32BE();
  const announcement: MctpSession = {
    session,
    sender: node,
    assignment: source.assignment,
    repair: repair ?? 'fec',
    framePayloadBytes,
    manifestBytes: manifest?.length ?? 0,
    sealedBytes: source.sealedBytes,
    plainBytes: source.plainBytes,
    manifestHashes: manifestHashes(manifest),
    receivers: Math.max(1, names.length),
  };
  const problem = sessionProblem(announcement);
  if (problem !== null) throw new Error(`this cannot be sent by multicast: ${problem}`);
  const layout = createMctpLayout(announcement);
  const sessionKey = randomBytes(macKeyBytes);
  const sessionMac = createFrameMac(sessionKey);
  const speaker = createSpeaker(session);
  const book = createReceiverBook(session);
  for (const name of names) book.add(name);
  let available = layout.manifestBlocks + (source.available ?? layout.blocks);
  let sockets: SenderSockets | undefined;
  /** Of the sockets; the same when they are opened again, since receivers know it. */
  let own: SocketAddress | undefined;
  let sendErrors = 0;
  let error: string | null = null;
  let isOver = false;
  const over = Promise.withResolvers<void>();
  /** Blocks whose digests are to be sent as soon as they have been read. */
  const digestsWanted = new Set<number>();

  const rate = limitRate(place.rate, instant(), bytesPerSecondMax ?? Number.POSITIVE_INFINITY);
  const machine = createMctpSender({
    now: instant(),
    session: announcement,
    receivers: names,
    quorum: quorum ?? 1,
    rate,
  });
  const runner = createMachineRunner<MctpSenderInput, MctpSenderEffect>({
    machine,
    clock,
    carryOut,
    onSettled() {
      if (machine.wantsToSend()) frames.wake();
    },
  });
  const payloads = createPayloadStore({
    source,
    layout,
    frameBytes: framePayloadBytes,
    codec: createParityCodec(),
    available: () => available,
    onRead() {
      for (const block of digestsWanted) sendDigests(block);
      frames.wake();
    },
    onFailed(cause) {
      error ??= cause instanceof Error ? cause.message : String(cause);
      runner.handle({ input: 'stop' });
    },
  });
  const lag = createLagWatch({
    clock,
    receivers: () =>
      machine
        .status()
        .receivers.filter(({ state }) => state === 'receiving')
        .map((entry) => entry.node),
    isSending: () => !isOver && machine.wantsToSend(),
    sentBytes: () => frames.sentBytes(),
    ping(name) {
      say(datagramKind.ping, book.get(name), Buffer.alloc(0), undefined);
      return speaker.number();
    },
    onLag: () => runner.handle({ input: 'overrun' }),
  });
  const frames = createFrameSender({
    session,
    mac: sessionMac,
    wantsToSend: () => !isOver && machine.wantsToSend(),
    nextFrames: (bytesMax) => machine.nextFrames(instant(), bytesMax),
    payload: payloads.payload,
    send: (datagram) => sockets?.send(datagram, onFrameSent),
    onTick: runner.settleSoon,
  });

  function onFrameSent(cause: Error | null): void {
    if (cause === null) return;
    sendErrors += 1;
    watch.look();
    runner.handle({ input: 'overrun' });
  }

  function onSent(cause: Error | null): void {
    if (cause === null) return;
    sendErrors += 1;
    watch.look();
  }

  function carryOut(effect: MctpSenderEffect): void {
    if (effect.effect === 'send') {
      const { to, message } = effect;
      sendMessage('group' in to ? undefined : book.get(to.node), message);
    } else if (effect.effect === 'deliver') onFact(effect.fact);
    else if (effect.effect === 'log') log(effect.event, effect.data);
  }

  function sendMessage(to: Receiver | undefined, message: MctpSenderMessage): void {
    if (message.type === 'status-request') {
      // Whom it asks is in it, so that any of them may hear it.
      say(datagramKind.request, undefined, encodeRequest(message), to?.address);
    } else if (to === undefined) return;
    else if (message.type === 'fetch') say(datagramKind.fetch, to, encodeFetch(message), to.address);
    else say(datagramKind.end, to, Buffer.alloc(0), to.address);
  }

  /** To the group where it is not known where somebody is. */
  function say(
    kind: DatagramKind,
    receiver: Receiver | undefined,
    payload: Buffer,
    address: SocketAddress | undefined,
  ): void {
    const datagram = speaker.say(kind, receiver?.number ?? 0, payload, receiver?.mac ?? sessionMac);
    if (address === undefined) sockets?.send(datagram, onSent);
    else sockets?.sendTo(datagram, address, onSent);
  }

  function sendDigests(block: number): void {
    const bytes = payloads.block(block);
    if (bytes === undefined) {
      digestsWanted.add(block);
      return;
    }
    digestsWanted.delete(block);
    for (const part of digestsOf(announcement, block, bytes)) {
      const signature = sign(signedDigests(announcement, part));
      say(datagramKind.digests, undefined, encodeDigests(part, signature), undefined);
    }
  }

  function onFact(fact: MctpSenderFact): void {
    if (fact.fact === 'digests') sendDigests(fact.block);
    else if (fact.fact === 'ended') finish(fact);
    else if (fact.fact === 'complete') onEvent({ type: 'complete', node: fact.node });
    else if (fact.fact === 'failed') onEvent({ type: 'failed', node: fact.node, reason: fact.reason });
    else if (fact.fact === 'quorum') onEvent({ type: 'quorum', complete: fact.complete });
    else if (fact.fact === 'unicast') {
      const sentence = unicastSentence(fact.node, fact.why);
      onEvent({ type: 'unicast', node: fact.node, blocks: fact.blocks, why: fact.why, sentence });
    } else {
      const { lagging, passes } = fact;
      const sentence = `What is missing at ${lagging.join(', ')} did not become less in ${passes} passes.`;
      onEvent({ type: 'problem', lagging, sentence });
    }
  }

  function finish({ complete, unicast, failed }: Extract<MctpSenderFact, { fact: 'ended' }>): void {
    if (isOver) return;
    isOver = true;
    runner.close();
    frames.close();
    lag.close();
    payloads.close();
    // What was said last is on its way.
    setImmediate(() => void watch.close().then(over.resolve));
    onEvent({ type: 'ended', complete, unicast, failed: failed.map((entry) => entry.node), error });
  }

  function notice(node: string): MctpNotice {
    const receiver = book.add(node);
    return {
      version: 1,
      announcement: { ...announcement, manifestHashes: [...announcement.manifestHashes] },
      group: group.address,
      port: group.port,
      sender: withoutZone(own as SocketAddress),
      receiver: receiver.number,
      sessionKey: sessionKey.toString('base64'),
      pairKey: receiver.key.toString('base64'),
    };
  }

  const watch = await watchInterface({
    interface: chosen,
    clock,
    async open(local) {
      if (own !== undefined && own.address !== local.address)
        throw new Error('receivers know another address');
      sockets = await openSenderSockets({
        interface: local,
        group,
        port: own?.port ?? place.port,
        onDatagram(bytes, source) {
          const heard = book.hear(bytes, source);
          if (heard === undefined) return;
          const { from, said } = heard;
          if (typeof said === 'number') lag.pong(from, said);
          else runner.handle({ input: 'status', from, status: said });
        },
        onError: () => watch.look(),
      });
      own ??= sockets.own;
    },
    shut() {
      sockets?.close();
      sockets = undefined;
    },
    onChanged(isUp, sentence) {
      runner.handle({ input: 'network', up: isUp });
      onEvent({ type: 'network', isUp, sentence });
    },
  }).catch((cause: unknown) => {
    lag.close();
    throw cause;
  });
  runner.handle({ input: 'available', blocks: { from: 0, to: available } });

  return {
    session,
    notice,
    joined: (name, lacks) => runner.handle({ input: 'joined', node: name, lacks }),
    absent: (name) => runner.handle({ input: 'absent', node: name }),
    available(count) {
      const from = available;
      available = Math.max(from, Math.min(layout.blocks, layout.manifestBlocks + count));
      if (available > from) runner.handle({ input: 'available', blocks: { from, to: available } });
    },
    limit: (bytesPerSecond) => rate.cap(bytesPerSecond ?? Number.POSITIVE_INFINITY),
    state: () => ({
      ...machine.status(),
      session,
      assignment: source.assignment,
      group: group.address,
      port: group.port,
      isUp: watch.isUp(),
      sentBytes: frames.sentBytes(),
      sendErrors,
      achievedBytesPerSecond: frames.achievedBytesPerSecond(),
      dropped: book.dropped(),
    }),
    async stop() {
      runner.handle({ input: 'stop' });
      await over.promise;
    },
  };
}

/** A zone is the name of an interface here, and means nothing elsewhere. */
function withoutZone({ address, port }: SocketAddress): SocketAddress {
  return { address: address.split('%')[0] as string, port };
}
