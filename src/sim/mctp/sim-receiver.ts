// A simulated node that receives: the product's machine, a driver that knows keys, hashes and digests as yes or no, a disk, and a life that crashes,
// pauses and begins again.

import { rangesWhere } from '../../protocol/mctp/block-ranges.ts';
import type { MctpReceiver, MctpReceiverFact, MctpReceiverInput } from '../../protocol/mctp/mctp-machines.ts';
import type { BlockRange, MctpFrame, MctpStatus } from '../../protocol/mctp/mctp-messages.ts';
import { createMctpReceiver } from '../../protocol/mctp/mctp-receiver.ts';
import type { MctpRules } from '../../protocol/mctp/mctp-rules.ts';
import { createMctpLayout, type MctpSession } from '../../protocol/mctp/mctp-session.ts';
import type { MctpTiming } from '../../protocol/mctp/mctp-timing.ts';
import type { EventQueue } from '../kernel/event-queue.ts';
import type { Random } from '../kernel/random.ts';
import { createLazyTimer } from './lazy-timer.ts';
import type { SimPacket } from './sim-packet.ts';

export interface SimReceiverOptions {
  readonly node: string;
  readonly queue: EventQueue;
  readonly random: Random;
  readonly rules: MctpRules;
  readonly timing: MctpTiming;
  /** Mistakes of the driver. */
  readonly trustsAnyKey: boolean;
  readonly skipsVerification: boolean;
  readonly send: (status: MctpStatus) => void;
  readonly fact: (fact: MctpReceiverFact) => void;
  /** So many bytes come by unicast; null: whatever is missing. */
  readonly fetch: (blocks: readonly BlockRange[]) => void;
  /** Payload that is not the sender's was written. */
  readonly wroteForged: (block: number) => void;
}

export interface SimReceiver {
  readonly node: string;
  /** What it has durable. */
  has(block: number): boolean;
  lacks(): readonly BlockRange[];
  /** Has these many from an earlier session. */
  hold(count: number): void;
  /** A session begins for it. */
  join(session: MctpSession, wrong: 'hash' | 'size' | null): void;
  packet(packet: SimPacket): void;
  /** A block came by unicast. */
  fetched(block: number): void;
  crash(): void;
  pause(): void;
  resume(): void;
  fillDisk(): void;
  /** Blocks of which frames are held, or that wait for verification. */
  heldBlocks(): number;
  isJoined(): boolean;
  hasEnded(): boolean;
  /** And does not stand still. */
  isUp(): boolean;
}

/** Datagrams: 8 MB. */
const bufferPackets = 5500;
const writeMs = 2;

export function createSimReceiver(options: SimReceiverOptions): SimReceiver {
  const { node, queue, random, rules } = options;
  const disk = new Set<number>();
  let blocks = 0;
  let machine: MctpReceiver | undefined;
  let session: MctpSession | undefined;
  let wrong: 'hash' | 'size' | null = null;
  let isUp = true;
  let isPaused = false;
  let isFull = false;
  let hasEnded = false;
  let life = 0;
  let backlog: SimPacket[] = [];
  /** The driver's: frames that are held, by block, and whether they are genuine. */
  let kept = new Map<number, Map<number, boolean>>();
  let digests = new Map<number, Set<number>>();
  let listed = new Set<number>();
  /** Blocks that cannot be judged before the manifest is there; and how many are being written. */
  let waiting: { block: number; frames: Map<number, boolean> }[] = [];
  let writing = 0;
  const timer = createLazyTimer(
    queue,
    () => (isPaused ? undefined : machine?.nextTimeout()),
    () => {
      machine?.onTimeout(queue.now());
      drain();
    },
  );

  function drain(): void {
    for (let effect = machine?.pollEffect(); effect !== undefined; effect = machine?.pollEffect()) {
      if (effect.effect === 'send') options.send(effect.message);
      else if (effect.effect === 'deliver') happen(effect.fact);
    }
    timer.arm();
  }

  function happen(fact: MctpReceiverFact): void {
    if (fact.fact === 'assembled') verify(fact.block);
    else if (fact.fact === 'dropped') kept.delete(fact.block);
    else if (fact.fact === 'fetch') options.fetch(fact.blocks ?? lacks());
    if (fact.fact === 'ended') hasEnded = true;
    options.fact(fact);
  }

  const handle = (input: MctpReceiverInput): void => machine?.handle(queue.now(), input);

  const isOfManifest = (block: number): boolean =>
    session !== undefined && block < session.manifestHashes.length;

  const isManifestThere = (): boolean => !session?.manifestHashes.some((_, block) => !disk.has(block));

  function verify(block: number): void {
    const frames = kept.get(block) ?? new Map<number, boolean>();
    kept.delete(block);
    if (isOfManifest(block) || isManifestThere()) write(block, frames);
    else waiting.push({ block, frames });
  }

  function stored(block: number): void {
    disk.add(block);
    handle({ input: 'verified', block });
    if (!isOfManifest(block) || !isManifestThere()) return;
    const blocks = waiting;
    waiting = [];
    for (const each of blocks) write(each.block, each.frames);
  }

  function write(block: number, frames: ReadonlyMap<number, boolean>): void {
    const current = life;
    const isManifest = isOfManifest(block);
    writing += 1;
    queue.add(
      queue.now() + random.between(0.5, writeMs),
      () => {
        if (current !== life || !isUp) return;
        writing -= 1;
        const isGenuine = [...frames.values()].every(Boolean) && isEnough(block, frames.size);
        if (!options.skipsVerification && (!isGenuine || (isManifest && wrong === 'hash'))) {
          handle({ input: 'forged', block });
        } else if (wrong === 'size' && isManifest) handle({ input: 'failed', reason: 'announcement' });
        else if (isFull) handle({ input: 'failed', reason: 'disk' });
        else {
          if (!isGenuine) options.wroteForged(block);
          stored(block);
        }
        drain();
      },
      null,
      0,
    );
  }

  function isEnough(block: number, frames: number): boolean {
    return session !== undefined && frames >= createMctpLayout(session).frames(block);
  }

  function frame(now: number, frame: MctpFrame, isGenuine: boolean): void {
    if (listed.has(frame.block) && !isGenuine) return;
    if (machine?.frame(now, frame) !== true) return;
    const frames = kept.get(frame.block) ?? new Map<number, boolean>();
    kept.set(frame.block, frames);
    frames.set(frame.sequence, isGenuine);
  }

  function takeDigests(block: number, first: number): void {
    if (session === undefined) return;
    const layout = createMctpLayout(session);
    if (block >= layout.blocks || listed.has(block)) return;
    const parts = digests.get(block) ?? new Set<number>();
    digests.set(block, parts);
    parts.add(first);
    if (parts.size * 60 < layout.frames(block)) return;
    listed.add(block);
    const frames = kept.get(block);
    for (const [sequence, isGenuine] of frames ?? [])
      if (!isGenuine || sequence >= layout.frames(block)) frames?.delete(sequence);
    handle({ input: 'digests', block, kept: [...(frames?.keys() ?? [])] });
  }

  function take(packet: SimPacket): void {
    if (machine === undefined || session === undefined) return;
    if (packet.kind === 'frame') {
      if (packet.key === session.session || options.trustsAnyKey)
        frame(queue.now(), packet.frame, packet.isGenuine);
    } else if (packet.message.type === 'digests') {
      if (packet.from === session.sender && packet.message.session === session.session)
        takeDigests(packet.message.block, packet.message.first);
    } else if (packet.message.type !== 'status') handle({ input: 'message', message: packet.message });
    drain();
  }

  const lacks = (): readonly BlockRange[] => rangesWhere(blocks, (block) => !disk.has(block));

  return {
    node,
    has: (block) => disk.has(block),
    lacks,
    hold(count) {
      for (let block = 0; block < count; block += 1) disk.add(block);
    },
    join(announced, how) {
      life += 1;
      session = announced;
      wrong = how;
      blocks = createMctpLayout(announced).blocks;
      hasEnded = false;
      kept = new Map();
      digests = new Map();
      listed = new Set();
      waiting = [];
      writing = 0;
      machine = createMctpReceiver({
        now: queue.now(),
        node,
        session: announced,
        has: (block) => disk.has(block),
        random: random.unit,
        rules,
        timing: options.timing,
      });
      drain();
    },
    packet(packet) {
      if (!isUp) return;
      if (!isPaused) take(packet);
      else if (backlog.length < bufferPackets) backlog.push(packet);
    },
    fetched(block) {
      if (isFull || !isUp) return;
      stored(block);
      drain();
    },
    crash() {
      life += 1;
      isUp = false;
      isPaused = false;
      backlog = [];
      machine = undefined;
    },
    pause() {
      isPaused = true;
    },
    resume() {
      isUp = true;
      if (!isPaused) return;
      isPaused = false;
      const packets = backlog;
      backlog = [];
      for (const packet of packets) take(packet);
      drain();
    },
    fillDisk() {
      isFull = true;
    },
    heldBlocks: () => kept.size + waiting.length + writing,
    isJoined: () => machine !== undefined,
    hasEnded: () => machine === undefined || hasEnded,
    isUp: () => isUp && !isPaused,
  };
}
