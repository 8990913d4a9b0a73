// What must hold in a simulated session, and what is said when it does not. The first violation counts.

import type { MctpSenderFact } from '../../protocol/mctp/mctp-machines.ts';
import type { MctpStatus } from '../../protocol/mctp/mctp-messages.ts';
import { createMctpLayout } from '../../protocol/mctp/mctp-session.ts';
import { mctpTiming } from '../../protocol/mctp/mctp-timing.ts';
import type { Violation } from '../segment/segment-run.ts';
import type { MctpPlan } from './mctp-plan.ts';
import type { SimReceiver } from './sim-receiver.ts';

export interface MctpChecks {
  senderTold(fact: MctpSenderFact): void;
  receiverComplete(receiver: SimReceiver): void;
  statusSent(status: MctpStatus): void;
  wroteForged(receiver: string, block: number): void;
  frameKept(receiver: SimReceiver): void;
  /** A block that everybody held was sent. */
  sentHeld(block: number): void;
  /** The run is over: by the plan, or since nothing happens any more. */
  finished(end: MctpEnd): void;
  violation(): Violation | null;
}

export interface MctpEnd {
  readonly senderEnded: boolean;
  readonly receivers: readonly SimReceiver[];
  readonly wireRatio: number;
  readonly facts: readonly MctpSenderFact[];
  /** When most of the receivers that nothing happened to were complete. */
  readonly healthyAt: number;
}

/** Wire bytes through size and share that arrives, for a session in which only frames get lost. */
export function wireBound(receivers: number, loss: number, repair: 'arq' | 'fec'): number {
  if (repair === 'fec') {
    const figure = receivers <= 4 ? 1.1 : receivers <= 16 ? 1.13 : 1.18;
    // The unluckiest of many needs more than its share, the more so the more is lost.
    return (figure + (loss > 0.1 ? 0.04 : 0)) / (1 - loss);
  }
  // Each frame goes out until the last of them has it.
  let sends = 1;
  for (let pass = 1; pass < 60; pass += 1) sends += 1 - (1 - loss ** pass) ** receivers;
  return 1.15 * sends;
}

/** Statuses within so many milliseconds: those of everybody come apart. */
const burstMs = 10;

export function createMctpChecks(
  plan: MctpPlan,
  now: () => number,
  receiverOf: (node: string) => SimReceiver | undefined,
): MctpChecks {
  const layout = createMctpLayout(plan.session);
  const { receivers } = plan.session;
  const isPlain = plan.faults.length === 0 && plan.holders.length === 0;
  // An answer may have three parts, and a new request may follow an answer at once.
  const statusesMax = 60 + Math.min(4 * receivers, (2 * burstMs) / mctpTiming.perStatusMs);
  const kinds = new Set(plan.faults.map(({ kind }) => kind));
  let violation: Violation | null = null;
  let told = 0;
  let isQuorumTold = false;
  let isOver = false;
  let burstAt = 0;
  let burst = 0;

  function violate(checker: string, what: string): void {
    violation ??= { checker, what, at: Math.round(now()) };
  }

  function isWhole(receiver: SimReceiver): boolean {
    for (let block = 0; block < layout.blocks; block += 1) if (!receiver.has(block)) return false;
    return true;
  }

  return {
    senderTold(fact) {
      if (isOver && plan.faults.every(({ kind }) => kind !== 'sender-restart'))
        violate('ended-is-last', `${fact.fact} after the end`);
      if (fact.fact === 'complete') {
        const receiver = receiverOf(fact.node);
        told += 1;
        if (receiver !== undefined && !isWhole(receiver))
          violate('exact-bytes', `the sender counts ${fact.node} as complete, which lacks something`);
      } else if (fact.fact === 'quorum') isQuorumTold = true;
      else if (fact.fact === 'ended') {
        isOver = true;
        if (!isQuorumTold && fact.complete.length >= Math.ceil(plan.quorum * receivers))
          violate('quorum', `${fact.complete.length} are complete, and it was not told`);
        const all = [...fact.complete, ...fact.unicast, ...fact.failed.map(({ node }) => node)];
        if (new Set(all).size !== receivers || all.length !== receivers)
          violate('outcome', 'not everybody is named once at the end');
      } else if (fact.fact === 'problem' && isQuorumTold) violate('problem', 'told in spite of a quorum');
      else if (fact.fact === 'digests' && !kinds.has('rogue') && !kinds.has('wrong-hash'))
        violate('digests', `block ${fact.block} is called forged, and nobody forged`);
    },
    receiverComplete(receiver) {
      if (!isWhole(receiver)) violate('exact-bytes', `${receiver.node} is complete, and lacks something`);
    },
    statusSent() {
      if (now() - burstAt > burstMs) {
        burstAt = now();
        burst = 0;
      }
      burst += 1;
      if (burst > statusesMax) violate('implosion', `${burst} statuses within ${burstMs} ms`);
    },
    wroteForged: (receiver, block) => violate('authentic', `${receiver} wrote a forged block ${block}`),
    frameKept(receiver) {
      const held = receiver.heldBlocks();
      if (held > plan.heldBlocksMax + layout.manifestBlocks + 1)
        violate('memory', `${receiver.node} holds ${held} blocks`);
    },
    sentHeld: (block) => violate('held', `block ${block} was sent, and everybody had it`),
    finished({ senderEnded, receivers: nodes, wireRatio, facts, healthyAt }) {
      if (!senderEnded) violate('waits', 'the sender has not ended');
      for (const receiver of nodes)
        if (!receiver.hasEnded() && receiver.isUp()) violate('waits', `${receiver.node} has not ended`);
      const unicast = facts.flatMap((fact) => (fact.fact === 'unicast' ? [fact] : []));
      if (isPlain) {
        const bound = wireBound(receivers, plan.loss, plan.session.repair);
        // What belongs to a session, and not to its size, weighs in small ones.
        const fixed = (receivers * 1200) / layout.bytes + (receivers * 40_000) / layout.bytes / 40;
        if (layout.blocks >= 20 && wireRatio > bound + fixed)
          violate(
            'wire',
            `${wireRatio.toFixed(3)} bytes on the wire for each, above ${(bound + fixed).toFixed(3)}`,
          );
        const [first] = unicast;
        if (first !== undefined) violate('multicast', `${first.node} was handed to unicast: ${first.why}`);
        if (told < receivers) violate('multicast', `${receivers - told} are not complete`);
      }
      for (const fact of unicast) {
        const index = Number(fact.node.slice(1));
        const isTouched = plan.faults.some((fault) => !('node' in fault) || fault.node === index);
        if (!isTouched && fact.blocks === null)
          violate(
            'healthy',
            `${fact.node} was handed to unicast, and nothing had happened to it: ${fact.why}`,
          );
      }
      const isFirst = (fact: MctpSenderFact): boolean => fact.fact === 'problem';
      if (
        kinds.size === 1 &&
        kinds.has('deaf') &&
        plan.faults.length === receivers &&
        told === 0 &&
        !facts.some(isFirst)
      )
        violate('problem', 'nobody was reached any more, and no problem told');
      const isOnlyLossy = plan.faults.length > 0 && plan.faults.every(({ kind }) => kind === 'lossy');
      // Shorter ones are over before it is known.
      const isLong = plan.nominalMs > 2000 && layout.blocks >= 20;
      if (isOnlyLossy && receivers >= 4 && isLong && !unicast.some(({ why }) => why === 'lossy'))
        violate('held-up', 'a receiver at half loss was not handed to unicast');
      if (isOnlyLossy && receivers >= 4 && healthyAt > 3 * plan.nominalMs + 3000)
        violate('held-up', `the others were complete at ${Math.round(healthyAt)} ms only`);
    },
    violation: () => violation,
  };
}
