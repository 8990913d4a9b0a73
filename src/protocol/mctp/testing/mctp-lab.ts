// A session on a small LAN for tests: the sender and a few receivers, a millisecond of delay, and only such losses as a test asks for. Every block is
// verified at once, and is forged when a frame of it was.

import { rangesWhere } from '../block-ranges.ts';
import type { MctpReceiver, MctpReceiverFact, MctpSenderFact } from '../mctp-machines.ts';
import type { MctpFrame, MctpSenderMessage, MctpStatus } from '../mctp-messages.ts';
import { createMctpReceiver } from '../mctp-receiver.ts';
import { createMctpSender } from '../mctp-sender.ts';
import { createMctpLayout, type MctpRepair, type MctpSession } from '../mctp-session.ts';
import { createMctpRate } from '../rate.ts';

export interface LabEvent {
  readonly at: number;
  readonly who: string;
  readonly what:
    | { readonly frames: readonly MctpFrame[] }
    | { readonly says: MctpStatus }
    | { readonly sends: MctpSenderMessage; readonly to: string }
    | { readonly fact: MctpSenderFact | MctpReceiverFact };
}

export interface LabOptions {
  readonly repair?: MctpRepair;
  /** Of 15 frames each, beside the manifest of one frame. */
  readonly blocks?: number;
  readonly receivers?: readonly string[];
  readonly quorum?: number;
}

export interface Lab {
  readonly events: readonly LabEvent[];
  readonly session: MctpSession;
  now(): number;
  join(node: string, lacks?: 'all' | 'nothing'): void;
  /** Frames of these numbers do not reach it; or none of them at all. */
  lose(node: string, numbers: readonly number[] | 'all'): void;
  /** It is gone, with all that it knew but what is durable. */
  crash(node: string): void;
  /** As `crash`, and the sender is told. */
  leave(node: string): void;
  /** A frame of this block that it takes is not the sender's. */
  forge(node: string, block: number): void;
  available(from: number, to: number): void;
  /** The sender does nothing for so long; what comes waits. */
  stopSender(ms: number): void;
  run(ms: number): void;
  has(node: string, block: number): boolean;
}

interface LabReceiver {
  machine: MctpReceiver | undefined;
  readonly disk: Set<number>;
  readonly lost: Set<number>;
  isDeaf: boolean;
  readonly forged: Set<number>;
  /** Blocks of which a forged frame is held. */
  readonly tainted: Set<number>;
  /** Sequences held, by block. */
  readonly held: Map<number, Set<number>>;
}

const delayMs = 1;
const linkBytesPerSecond = 12_500_000;

export function createMctpLab(options: LabOptions = {}): Lab {
  const { repair = 'fec', blocks = 3, receivers = ['web-1', 'web-2', 'web-3'], quorum = 1 } = options;
  const session: MctpSession = {
    ...{ session: 1, sender: 'leader', assignment: 'a1', repair, framePayloadBytes: 8972 },
    ...{
      manifestBytes: 3000,
      sealedBytes: blocks * 131_072,
      plainBytes: 0,
      manifestHashes: ['00'.repeat(32)],
    },
    receivers: receivers.length,
  };
  const layout = createMctpLayout(session);
  const events: LabEvent[] = [];
  let now = 0;
  let stoppedUntil = 0;
  let queue: { readonly at: number; readonly act: () => void }[] = [];
  const sender = createMctpSender({
    ...{ now, session, receivers, quorum, rate: createMctpRate({ now, linkBytesPerSecond }) },
  });
  const nodes = new Map(
    receivers.map((node): [string, LabReceiver] => [
      node,
      {
        ...{ machine: undefined, disk: new Set<number>(), lost: new Set<number>(), isDeaf: false },
        ...{ forged: new Set<number>(), tainted: new Set<number>(), held: new Map() },
      },
    ]),
  );

  const note = (who: string, what: LabEvent['what']): void => void events.push({ at: now, who, what });
  const later = (act: () => void): void => void queue.push({ at: now + delayMs, act });
  const nodeOf = (node: string): LabReceiver => nodes.get(node) as LabReceiver;

  function drainSender(): void {
    for (let effect = sender.pollEffect(); effect !== undefined; effect = sender.pollEffect()) {
      if (effect.effect === 'deliver') {
        const { fact } = effect;
        note('leader', { fact });
        if (fact.fact === 'digests') for (const node of nodes.keys()) later(() => listed(node, fact.block));
      } else if (effect.effect === 'send') {
        const { to, message } = effect;
        const targets = 'group' in to ? [...nodes.keys()] : [to.node];
        note('leader', { sends: message, to: 'group' in to ? 'all' : to.node });
        for (const target of targets)
          later(() => {
            nodeOf(target).machine?.handle(now, { input: 'message', message });
            drain(target);
          });
      }
    }
  }

  function drain(node: string): void {
    const receiver = nodeOf(node);
    const { machine } = receiver;
    for (let effect = machine?.pollEffect(); effect !== undefined; effect = machine?.pollEffect()) {
      if (effect.effect === 'send') {
        const { message } = effect;
        note(node, { says: message });
        later(() => sender.handle(now, { input: 'status', from: node, status: message }));
      } else if (effect.effect === 'deliver') {
        if (effect.fact.fact === 'assembled') judge(node, effect.fact.block);
        else note(node, { fact: effect.fact });
        if (effect.fact.fact === 'dropped') receiver.held.delete(effect.fact.block);
      }
    }
  }

  function judge(node: string, block: number): void {
    const receiver = nodeOf(node);
    receiver.held.delete(block);
    if (receiver.tainted.delete(block)) receiver.machine?.handle(now, { input: 'forged', block });
    else {
      receiver.disk.add(block);
      receiver.machine?.handle(now, { input: 'verified', block });
    }
  }

  /** Its driver has the digests, and takes the sender's frames alone from now on. */
  function listed(node: string, block: number): void {
    const receiver = nodeOf(node);
    receiver.forged.delete(block);
    const kept = [...(receiver.held.get(block) ?? [])].filter((sequence) => sequence < layout.frames(block));
    receiver.machine?.handle(now, {
      input: 'digests',
      block,
      kept: receiver.tainted.delete(block) ? [] : kept,
    });
    drain(node);
  }

  function arrive(node: string, frame: MctpFrame): void {
    const receiver = nodeOf(node);
    if (receiver.isDeaf || receiver.lost.has(frame.number)) return;
    if (receiver.machine?.frame(now, frame) === true) {
      const held = receiver.held.get(frame.block) ?? new Set<number>();
      receiver.held.set(frame.block, held);
      held.add(frame.sequence);
      if (receiver.forged.delete(frame.block)) receiver.tainted.add(frame.block);
    }
    drain(node);
  }

  function step(): void {
    const due = queue.filter(({ at }) => at <= now);
    queue = queue.filter(({ at }) => at > now);
    for (const { act } of due) act();
    for (const [node, { machine }] of nodes)
      if ((machine?.nextTimeout() ?? Number.POSITIVE_INFINITY) <= now) {
        machine?.onTimeout(now);
        drain(node);
      }
    if (now < stoppedUntil) return;
    if ((sender.nextTimeout() ?? Number.POSITIVE_INFINITY) <= now) sender.onTimeout(now);
    drainSender();
    if (!sender.wantsToSend()) return;
    const frames = sender.nextFrames(now, 1_000_000);
    if (frames.length > 0) note('leader', { frames });
    for (const frame of frames) for (const node of nodes.keys()) later(() => arrive(node, frame));
    drainSender();
  }

  return {
    events,
    session,
    now: () => now,
    join(node, lacks = 'all') {
      const receiver = nodeOf(node);
      if (lacks === 'nothing')
        for (let block = 0; block < layout.blocks; block += 1) receiver.disk.add(block);
      const has = (block: number): boolean => receiver.disk.has(block);
      receiver.machine = createMctpReceiver({ now, node, session, has, random: () => 0.5 });
      drain(node);
      sender.handle(now, {
        ...{ input: 'joined', node, lacks: rangesWhere(layout.blocks, (block) => !has(block)) },
      });
      drainSender();
    },
    lose(node, numbers) {
      if (numbers === 'all') nodeOf(node).isDeaf = true;
      else for (const number of numbers) nodeOf(node).lost.add(number);
    },
    crash(node) {
      nodeOf(node).machine = undefined;
    },
    leave(node) {
      nodeOf(node).machine = undefined;
      sender.handle(now, { input: 'absent', node });
      drainSender();
    },
    forge: (node, block) => void nodeOf(node).forged.add(block),
    available(from, to) {
      sender.handle(now, { input: 'available', blocks: { from, to } });
      drainSender();
    },
    stopSender(ms) {
      stoppedUntil = now + ms;
    },
    run(ms) {
      for (const end = now + ms; now < end; ) {
        now += 1;
        step();
      }
    },
    has: (node, block) => nodeOf(node).disk.has(block),
  };
}
