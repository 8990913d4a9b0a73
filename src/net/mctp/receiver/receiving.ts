// MCTP-77: a receiver over real sockets. Believes a datagram by its MAC before it looks at anything else, keeps the payloads that the machine wants, and
// hands over blocks whose hash is the signed one, and no other bytes.

import { hash, randomBytes } from 'node:crypto';
import { blockBytes } from '../../../model/assignment.ts';
import { rangesWhere } from '../../../protocol/mctp/block-ranges.ts';
import type {
  MctpReceiverEffect,
  MctpReceiverFact,
  MctpReceiverInput,
} from '../../../protocol/mctp/mctp-machines.ts';
import type { MctpStatus } from '../../../protocol/mctp/mctp-messages.ts';
import { createMctpReceiver } from '../../../protocol/mctp/mctp-receiver.ts';
import { createMctpLayout, frameHeaderBytes, sessionProblem } from '../../../protocol/mctp/mctp-session.ts';
import { isLinkLocal } from '../../segment/channel/local-interfaces.ts';
import { createDropCounter } from '../../segment/trust/drop-counter.ts';
import { openReceiverSockets, type ReceiverSockets } from '../channel/data-sockets.ts';
import { watchInterface } from '../channel/interface-watch.ts';
import { createParityCodec } from '../fec/parity-codec.ts';
import { createFrameMac } from '../mac/frame-mac.ts';
import { createMachineRunner, instant } from '../machine-runner.ts';
import type { MctpOptions } from '../mctp.ts';
import type { BlockSink, MctpNotice, Receiving, ReceivingOptions } from '../mctp-session.ts';
import {
  type DatagramKind,
  datagramKind,
  emptyHeader,
  type HeaderFault,
  readHeader,
} from '../wire/datagram-header.ts';
import { signedDigests } from '../wire/frame-digests.ts';
import { decodeDigests, decodeFetch, decodeRequest, encodeStatus } from '../wire/message-codec.ts';
import { createSpeaker } from '../wire/speaker.ts';
import { createBlockAssembly } from './block-assembly.ts';
import { createDigestLists } from './digest-lists.ts';

type DropReason =
  | HeaderFault
  /** Its MAC does not hold. */
  | 'forged'
  | 'other-receiver'
  /** Of a block or a sequence that there is not, or of another length. */
  | 'no-frame'
  /** Not one of the signed digests. */
  | 'digest'
  /** A list that is not wanted, or whose signature does not hold. */
  | 'digest-list';

/** Rejects when the announcement is unsound, the group cannot be joined, or a manifest that is held does not open. */
export async function openReceiving(
  notice: MctpNotice,
  { node, clock, log, interface: chosen }: MctpOptions,
  { manifest: held, openSink, verify, onEvent }: ReceivingOptions,
): Promise<Receiving> {
  const { announcement, receiver: ownNumber } = notice;
  const { session, framePayloadBytes } = announcement;
  const problem = sessionProblem(announcement);
  if (problem !== null) throw new Error(`the announcement is of no use: ${problem}`);
  const layout = createMctpLayout(announcement);
  const { manifestBlocks, blocks } = layout;
  if (held === null && manifestBlocks === 0)
    throw new Error('the session carries no manifest, and none is held');
  const sessionMac = createFrameMac(Buffer.from(notice.sessionKey, 'base64'));
  const pairMac = createFrameMac(Buffer.from(notice.pairKey, 'base64'));
  const speaker = createSpeaker(session);
  const assembly = createBlockAssembly(layout, framePayloadBytes, createParityCodec());
  const digests = createDigestLists(layout, framePayloadBytes);
  const drops = createDropCounter<DropReason>();
  const header = emptyHeader();
  const manifest = held ?? Buffer.alloc(announcement.manifestBytes);
  let manifestMissing = held === null ? manifestBlocks : 0;
  let sink = held === null ? undefined : await openSink(held);
  /** Data blocks that were whole before there was a sink. */
  const waiting: number[] = [];
  let frames = 0;
  let writing = 0;
  let error: string | null = null;
  let isOver = false;
  let sockets: ReceiverSockets | undefined;
  let { sender } = notice;
  const quiet = Promise.withResolvers<void>();

  const lacked = sink === undefined ? undefined : new Set(sink.missing());
  const isLacking = (block: number): boolean =>
    lacked === undefined || (block >= manifestBlocks && lacked.has(block - manifestBlocks));
  const lacks = rangesWhere(blocks, isLacking);
  const machine = createMctpReceiver({
    now: instant(),
    node,
    session: announcement,
    has: (block) => !isLacking(block),
    random,
  });
  const runner = createMachineRunner<MctpReceiverInput, MctpReceiverEffect>({ machine, clock, carryOut });

  function onDatagram(bytes: Buffer): void {
    if (isOver) return;
    const fault = readHeader(bytes, session, header);
    if (fault !== undefined) {
      drops.count(fault);
      return;
    }
    if (header.kind === datagramKind.frame) onFrame(bytes);
    else onMessage(bytes);
  }

  function onFrame(bytes: Buffer): void {
    if (!sessionMac.verify(bytes, frameHeaderBytes)) {
      drops.count('forged');
      return;
    }
    const { block, sequence } = header;
    const payload = bytes.subarray(frameHeaderBytes);
    if (!isFrame(block, sequence, payload.length)) drops.count('no-frame');
    else if (!digests.admits(block, sequence, payload)) drops.count('digest');
    else {
      frames += 1;
      if (machine.frame(instant(), header)) assembly.keep(block, sequence, payload);
      runner.settleSoon();
    }
  }

  function isFrame(block: number, sequence: number, payloadBytes: number): boolean {
    return (
      block < blocks &&
      sequence < layout.frames(block) + layout.parityMax(block) &&
      payloadBytes === layout.payloadBytes(block, sequence)
    );
  }

  function onMessage(bytes: Buffer): void {
    const { kind, block: receiver } = header;
    const isForAll = kind === datagramKind.request || kind === datagramKind.digests;
    if (kind === datagramKind.ping && receiver !== ownNumber) return;
    if (!isForAll && receiver !== ownNumber) {
      drops.count('other-receiver');
      return;
    }
    if (!(isForAll ? sessionMac : pairMac).verify(bytes, frameHeaderBytes)) {
      drops.count('forged');
      return;
    }
    const payload = bytes.subarray(frameHeaderBytes);
    if (kind === datagramKind.digests) {
      onDigests(payload);
      return;
    }
    if (kind === datagramKind.ping) {
      const answer = Buffer.alloc(4);
      answer.writeUInt32BE(header.number);
      saySender(datagramKind.pong, answer);
      return;
    }
    const message =
      kind === datagramKind.request
        ? decodeRequest(payload, session)
        : kind === datagramKind.fetch
          ? decodeFetch(payload, session)
          : kind === datagramKind.end
            ? ({ type: 'end', session } as const)
            : undefined;
    if (message === undefined) drops.count('malformed');
    else runner.handle({ input: 'message', message });
  }

  function onDigests(payload: Buffer): void {
    const list = decodeDigests(payload, session);
    if (list === undefined) {
      drops.count('malformed');
      return;
    }
    const { message, signature } = list;
    const added = digests.add(message, () => verify(signedDigests(announcement, message), signature));
    if (added === 'refused') drops.count('digest-list');
    else if (added === 'whole') {
      const { block } = message;
      const kept = digests.kept(block);
      if (kept !== undefined) assembly.restore(block, kept.bytes, kept.sequences);
      runner.handle({ input: 'digests', block, kept: kept?.sequences ?? [] });
    }
  }

  function carryOut(effect: MctpReceiverEffect): void {
    if (effect.effect === 'send') saySender(datagramKind.status, encodeStatus(effect.message));
    else if (effect.effect === 'deliver') onFact(effect.fact);
    else if (effect.effect === 'log') log(effect.event, effect.data);
  }

  function saySender(kind: DatagramKind, payload: Buffer): void {
    sockets?.sendTo(speaker.say(kind, ownNumber, payload, pairMac), sender, onSent);
  }

  function onSent(problem: Error | null): void {
    if (problem !== null) watch.look();
  }

  function onFact(fact: MctpReceiverFact): void {
    if (fact.fact === 'assembled') {
      if (fact.block < manifestBlocks) onManifestBlock(fact.block);
      else if (sink === undefined) waiting.push(fact.block);
      else onDataBlock(fact.block, sink);
    } else if (fact.fact === 'dropped') assembly.drop(fact.block);
    else if (fact.fact === 'fetch') onEvent({ type: 'fetch', blocks: fact.blocks });
    else if (fact.fact === 'complete') onEvent({ type: 'complete' });
    else if (fact.fact === 'failed') onEvent({ type: 'failed', sentence: error ?? 'It takes nothing more.' });
    else {
      finish();
      onEvent({ type: 'ended', how: fact.how });
    }
  }

  function onManifestBlock(block: number): void {
    const bytes = assembly.take(block);
    if (bytes === undefined || hash('sha256', bytes) !== announcement.manifestHashes[block]) {
      forged(block, bytes);
      return;
    }
    manifest.set(bytes, block * blockBytes);
    assembly.release(bytes);
    verified(block);
    manifestMissing -= 1;
    if (manifestMissing === 0) void openManifest();
  }

  async function openManifest(): Promise<void> {
    try {
      sink = await openSink(manifest);
    } catch (cause) {
      fail(`the manifest is refused: ${messageOf(cause)}`);
      return;
    }
    if (isOver) return;
    const missing = new Set(sink.missing());
    for (let block = manifestBlocks; block < blocks; block += 1)
      if (!missing.has(block - manifestBlocks)) verified(block);
    for (const block of waiting.splice(0)) if (missing.has(block - manifestBlocks)) onDataBlock(block, sink);
  }

  function onDataBlock(block: number, into: BlockSink): void {
    const bytes = assembly.take(block);
    const index = block - manifestBlocks;
    if (bytes === undefined || !into.verify(index, bytes)) {
      forged(block, bytes);
      return;
    }
    writing += 1;
    into
      .write(index, bytes)
      .then(
        () => verified(block),
        (cause: unknown) => fail(messageOf(cause)),
      )
      .finally(() => {
        assembly.release(bytes);
        writing -= 1;
        if (isOver && writing === 0) quiet.resolve();
      });
  }

  function verified(block: number): void {
    const kept = digests.forget(block);
    if (kept !== undefined) assembly.release(kept);
    runner.handle({ input: 'verified', block });
  }

  function forged(block: number, bytes: Buffer | undefined): void {
    if (!digests.want(block, bytes) && bytes !== undefined) assembly.release(bytes);
    runner.handle({ input: 'forged', block });
  }

  function fail(sentence: string): void {
    error ??= sentence;
    runner.handle({ input: 'failed', reason: sentence });
  }

  function finish(): void {
    if (isOver) return;
    isOver = true;
    runner.close();
    if (writing === 0) quiet.resolve();
    // What was said last is on its way.
    setImmediate(() => void watch.close());
  }

  const watch = await watchInterface({
    interface: chosen,
    clock,
    async open(local) {
      const { address, port } = notice.sender;
      sender = { address: isLinkLocal(address) ? `${address}%${local.name}` : address, port };
      sockets = await openReceiverSockets({
        interface: local,
        group: { address: notice.group, port: notice.port },
        onDatagram,
        onError: () => watch.look(),
      });
    },
    shut() {
      sockets?.close();
      sockets = undefined;
    },
    onChanged: (isUp, sentence) => onEvent({ type: 'network', isUp, sentence }),
  });
  runner.settleSoon();

  return {
    session,
    lacks,
    written: (index) => verified(manifestBlocks + index),
    state: () => ({
      session,
      missing: machine.missing(),
      frames,
      dropped: drops.counts(),
      receiveBufferBytes: sockets?.receiveBufferBytes ?? 0,
      isUp: watch.isUp(),
    }),
    async stop() {
      if (!isOver && machine.missing() > 0) saySender(datagramKind.status, encodeStatus(goneStatus(session)));
      // A datagram leaves with the next turn of the event loop.
      await new Promise((resolve) => setImmediate(resolve));
      finish();
      await quiet.promise;
    },
  };
}

function goneStatus(session: number): MctpStatus {
  const nothing = { round: 0, reason: '', asOf: 0, heard: 0, missing: [], absent: [], forged: [] };
  return { type: 'status', session, state: 'gone', ...nothing };
}

function random(): number {
  return randomBytes(4).readUInt32BE() / 2 ** 32;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
