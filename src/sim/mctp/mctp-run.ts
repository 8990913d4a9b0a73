// One simulated session: the sender, its receivers, a faulty network, the plan's faults, and the checks. The same plan and rules always run the same way.

import { normalRanges } from '../../protocol/mctp/block-ranges.ts';
import type { MctpSenderFact } from '../../protocol/mctp/mctp-machines.ts';
import {
  type BlockRange,
  digestsPerPart,
  frameDigestBytes,
  type MctpMessage,
} from '../../protocol/mctp/mctp-messages.ts';
import { type MctpRules, mctpRules } from '../../protocol/mctp/mctp-rules.ts';
import {
  createMctpLayout,
  frameHeaderBytes,
  type MctpSession,
  singleBytesMax,
} from '../../protocol/mctp/mctp-session.ts';
import { mctpTiming } from '../../protocol/mctp/mctp-timing.ts';
import { createEventQueue } from '../kernel/event-queue.ts';
import { createRandom } from '../kernel/random.ts';
import { createNetwork } from '../network/network.ts';
import type { Violation } from '../segment/segment-run.ts';
import { describeMctpFault } from './describe-mctp-fault.ts';
import { createForger } from './forger.ts';
import { createMctpChecks } from './mctp-checks.ts';
import type { MctpPlan } from './mctp-plan.ts';
import { frameWireBytes, messageWireBytes, type SimPacket, unicastShare } from './sim-packet.ts';
import { createSimReceiver, type SimReceiver } from './sim-receiver.ts';
import { createSimSender, type SimSender } from './sim-sender.ts';

export interface MctpChanges {
  readonly rules?: Partial<MctpRules>;
  readonly trustsAnyKey?: boolean;
  readonly skipsVerification?: boolean;
}

export interface MctpRunResult {
  readonly violation: Violation | null;
  readonly virtualMs: number;
  readonly events: number;
  /** All bytes that crossed the sender's interface, through the object's. */
  readonly wireRatio: number;
  readonly complete: number;
  readonly unicast: number;
  readonly failed: number;
}

export interface MctpRunOptions {
  readonly plan: MctpPlan;
  readonly changes: MctpChanges;
  readonly trace?: (line: string) => void;
}

/** Beyond what the faults last: an end that takes longer is none. */
const graceMs = 45_000;
/** A machine that never comes to rest ends there. */
const eventsPerReceiverMax = 300_000;
/** From the announcement over TLS to a receiver that listens. */
const noticeMs = [1, 30] as const;

export function runMctp({ plan, changes, trace }: MctpRunOptions): MctpRunResult {
  const { session } = plan;
  const count = session.receivers;
  const layout = createMctpLayout(session);
  const queue = createEventQueue();
  const random = createRandom(plan.seed, 'mctp run');
  const rules: MctpRules = { ...mctpRules, ...changes.rules };
  const names = Array.from({ length: count }, (_, index) => `r${index}`);
  const facts: MctpSenderFact[] = [];
  let wireBytes = 0;
  let current = session;
  let sender: SimSender | undefined;
  let healthyAt = 0;
  let touched = new Set<number>();
  const deaf = new Set<number>();
  const eventsMax = 1_000_000 + eventsPerReceiverMax * count;
  const forger = createForger(random, layout);

  const say = (line: string): void => trace?.(`${(queue.now() / 1000).toFixed(4).padStart(9)}  ${line}`);
  // The sender is node 0, receivers follow, then a stranger.
  const network = createNetwork<SimPacket>({
    nodes: count + 1,
    queue,
    random: createRandom(plan.seed, 'mctp network'),
    quality: {
      delayMinMs: plan.delayMs,
      delayMaxMs: plan.delayMs,
      ...{ loss: plan.loss, duplicate: plan.duplicate, held: plan.held, heldMaxMs: 5 },
    },
    deliver(packet, to) {
      if (packet.kind === 'frame' && deaf.has(to)) return;
      if (to > 0) {
        const receiver = receivers[to - 1] as SimReceiver;
        receiver.packet(packet);
        if (packet.kind === 'frame') checks.frameKept(receiver);
      } else if (packet.kind === 'message' && packet.message.type === 'status')
        sender?.handle({ input: 'status', from: packet.from, status: packet.message });
    },
  });

  const receivers = names.map((node, index) =>
    createSimReceiver({
      node,
      queue,
      rules,
      timing: { ...mctpTiming, heldBlocksMax: plan.heldBlocksMax },
      random: createRandom(plan.seed, `mctp receiver ${index}`),
      trustsAnyKey: changes.trustsAnyKey === true,
      skipsVerification: changes.skipsVerification === true,
      send(status) {
        checks.statusSent(status);
        wireBytes += messageWireBytes(status);
        if (trace !== undefined) say(`${node} says ${statusLine(status)}`);
        network.send(index + 1, 0, { kind: 'message', from: node, message: status });
      },
      fact(fact) {
        if (trace !== undefined && fact.fact !== 'assembled') say(`${node} · ${JSON.stringify(fact)}`);
        if (fact.fact !== 'complete') return;
        checks.receiverComplete(receivers[index] as SimReceiver);
        if (!touched.has(index)) healthyAt = queue.now();
      },
      fetch: (blocks) => fetchBlocks(index, blocks),
      wroteForged: (block) => checks.wroteForged(node, block),
    }),
  );
  const checks = createMctpChecks(plan, queue.now, (node) => receivers[Number(node.slice(1))]);

  function fetchBlocks(index: number, ranges: readonly BlockRange[]): void {
    let at = queue.now() + 20;
    for (const { from, to } of normalRanges(ranges, layout.blocks))
      for (let block = from; block < to; block += 1) {
        const bytes = unicastShare * layout.blockLength(block);
        wireBytes += bytes;
        at += (1000 * bytes) / plan.linkBytesPerSecond;
        later(at - queue.now(), () => receivers[index]?.fetched(block));
      }
  }

  function toGroup(from: string, message: MctpMessage): void {
    wireBytes += messageWireBytes(message);
    network.sendGroup(0, { kind: 'message', from, message });
  }

  function sendDigests(block: number): void {
    for (let first = 0; first < layout.frames(block); first += digestsPerPart) {
      const length = Math.min(digestsPerPart, layout.frames(block) - first) * frameDigestBytes;
      toGroup(session.sender, {
        ...({ type: 'digests', session: current.session, block, first } as const),
        digests: new Uint8Array(length),
      });
    }
  }

  function open(next: MctpSession): void {
    current = next;
    const heldByAll = new Set<number>();
    for (let block = 0; block < layout.blocks; block += 1)
      if (receivers.every((receiver) => receiver.has(block))) heldByAll.add(block);
    const isJoinKnown = !['crash', 'late', 'absent', 'pause'].some(has);
    sender = createSimSender({
      session: next,
      receivers: names,
      quorum: plan.quorum,
      linkBytesPerSecond: plan.linkBytesPerSecond,
      queue,
      rules,
      frame(frame) {
        const bytes = layout.payloadBytes(frame.block, frame.sequence) + frameHeaderBytes;
        wireBytes += frameWireBytes(bytes);
        if (isJoinKnown && layout.bytes > singleBytesMax && heldByAll.has(frame.block))
          checks.sentHeld(frame.block);
        if (trace !== undefined && frame.isLast)
          say(
            `sender sends block ${frame.block} pass ${frame.pass} to ${frame.sequence}, frame ${frame.number}`,
          );
        network.sendGroup(0, { kind: 'frame', key: next.session, frame, isGenuine: true });
      },
      send(to, message) {
        if (trace !== undefined) say(`sender → ${to ?? 'all'}: ${JSON.stringify(message)}`);
        if (to === null) toGroup('sender', message);
        else {
          wireBytes += messageWireBytes(message);
          network.send(0, 1 + Number(to.slice(1)), { kind: 'message', from: 'sender', message });
        }
      },
      fact(fact) {
        if (trace !== undefined) say(`sender · ${JSON.stringify(fact)}`);
        facts.push(fact);
        checks.senderTold(fact);
        if (fact.fact === 'digests') sendDigests(fact.block);
      },
    });
    const wrong = has('wrong-hash') ? 'hash' : has('wrong-size') ? 'size' : null;
    for (const [index, receiver] of receivers.entries()) {
      if (
        plan.faults.some(
          (fault) => (fault.kind === 'late' || fault.kind === 'absent') && fault.node === index,
        )
      )
        continue;
      invite(index, receiver, wrong);
    }
  }

  function invite(index: number, receiver: SimReceiver, wrong: 'hash' | 'size' | null): void {
    const at = current;
    later(random.between(...noticeMs), () => {
      if (!receiver.isUp() || at !== current) return;
      receiver.join(current, wrong);
      const answering = sender;
      later(random.between(...noticeMs), () => {
        if (answering === sender && receiver.isUp())
          answering?.handle({ input: 'joined', node: `r${index}`, lacks: receiver.lacks() });
      });
    });
  }

  function later(delayMs: number, act: () => void): void {
    queue.add(queue.now() + delayMs, act, null, 0);
  }

  function has(kind: string): boolean {
    return plan.faults.some((fault) => fault.kind === kind);
  }

  function carryOut(fault: MctpPlan['faults'][number]): void {
    if (trace !== undefined) trace(`---------- ${describeMctpFault(fault)}`);
    const struck = 'node' in fault ? receivers[fault.node] : undefined;
    const port = 'node' in fault ? fault.node + 1 : 0;
    switch (fault.kind) {
      case 'burst':
        network.setLoss(null, port, 1);
        later(fault.forMs, () => network.setLoss(null, port, 0));
        return;
      case 'lossy':
        network.setLoss(null, port, 0.5);
        return;
      case 'deaf':
        deaf.add(port);
        return;
      case 'late':
        if (struck !== undefined) invite(fault.node, struck, null);
        return;
      case 'pause':
        struck?.pause();
        if (fault.forMs !== null) later(fault.forMs, () => struck?.resume());
        return;
      case 'crash':
        struck?.crash();
        if (fault.downMs === null || struck === undefined) return;
        later(fault.downMs, () => {
          struck.resume();
          invite(fault.node, struck, null);
        });
        return;
      case 'disk':
        struck?.fillDisk();
        return;
      case 'down': {
        sender?.handle({ input: 'network', up: false });
        const heal = network.cut([0], 'both');
        later(fault.forMs, () => {
          heal();
          sender?.handle({ input: 'network', up: true });
        });
        return;
      }
      case 'sender-pause': {
        const paused = sender;
        paused?.pause();
        later(fault.forMs, () => paused?.resume());
        return;
      }
      case 'sender-restart':
        sender?.crash();
        later(fault.downMs, () => {
          open({ ...session, session: session.session + 1 });
          sender?.handle({ input: 'available', blocks: { from: 0, to: layout.blocks } });
        });
        return;
      case 'old-frames':
        for (let each = 0; each < fault.frames; each += 1)
          later(each / 10, () => network.sendGroup(count + 1, forger.frame(session.session - 1, 0)));
        return;
      case 'outsider':
        forge(fault.forMs, () => network.sendGroup(count + 1, forger.frame(0, 0)));
        return;
      case 'rogue':
        forge(fault.forMs, () => {
          const number = sender?.status().frames ?? 0;
          for (const packet of forger.rogue(current, number, fault.wild))
            network.sendGroup(count + 1, packet);
        });
        return;
      case 'stall':
      case 'absent':
      case 'wrong-hash':
      case 'wrong-size':
        return;
    }
  }

  function forge(forMs: number, act: () => void): void {
    const until = queue.now() + forMs;
    const again = (): void => {
      act();
      if (queue.now() < until) later(random.between(0.2, 5), again);
    };
    again();
  }

  touched = new Set(plan.faults.flatMap((fault) => ('node' in fault ? [fault.node] : [])));
  for (const { node, share } of plan.holders) receivers[node]?.hold(Math.round(share * layout.blocks));
  open(session);
  const stall = plan.faults.find((fault) => fault.kind === 'stall');
  const from = stall?.kind === 'stall' ? stall.from : layout.blocks;
  sender?.handle({ input: 'available', blocks: { from: 0, to: from } });
  if (stall?.kind === 'stall' && stall.forMs !== null)
    later(stall.forMs, () => sender?.handle({ input: 'available', blocks: { from, to: layout.blocks } }));
  for (const fault of plan.faults) queue.add(fault.at, () => carryOut(fault), null, 0);
  const lastsMs = Math.max(0, ...plan.faults.map((fault) => fault.at + durationMs(fault)));
  // Ten passes for nothing take their time, and so does a source that gives nothing more.
  const passes = has('deaf') ? 20 : 6;
  const stallMs = stall?.kind === 'stall' && stall.forMs === null ? mctpTiming.stallMs : 0;
  const endAt = lastsMs + passes * plan.nominalMs + graceMs + stallMs;
  while (queue.now() < endAt && checks.violation() === null && queue.count() < eventsMax) {
    queue.runUntil(Math.min(endAt, queue.now() + 200), eventsMax - queue.count());
    if (
      queue.now() > lastsMs &&
      sender?.hasEnded() === true &&
      receivers.every((one) => one.hasEnded() || !one.isUp())
    )
      break;
  }
  const wireRatio = wireBytes / layout.bytes;
  checks.finished({ senderEnded: sender?.hasEnded() === true, receivers, wireRatio, facts, healthyAt });
  const violation = checks.violation();
  if (violation !== null) say(`!!! ${violation.checker}: ${violation.what}`);
  const counts = (kind: string): number => facts.filter(({ fact }) => fact === kind).length;
  return {
    violation,
    virtualMs: queue.now(),
    events: queue.count(),
    wireRatio,
    complete: counts('complete'),
    unicast: counts('unicast'),
    failed: counts('failed'),
  };
}

function durationMs(fault: MctpPlan['faults'][number]): number {
  if ('forMs' in fault) return fault.forMs ?? 0;
  return 'downMs' in fault ? (fault.downMs ?? 0) : 0;
}

function statusLine(status: MctpMessage): string {
  return JSON.stringify(status, (_, value: unknown) => (value instanceof Uint8Array ? value.length : value));
}
