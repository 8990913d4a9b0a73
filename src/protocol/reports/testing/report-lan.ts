// A round of reports on a small LAN: each node has a participant, the first one the collector as well.

import type { Effect, Machine } from '../../machine.ts';
import { createLan, type Lan } from '../../testing/lan.ts';
import {
  type CollectorFact,
  type CollectorInput,
  createReportCollector,
  type ReportCollector,
} from '../report-collector.ts';
import type { ReportMessage } from '../report-message.ts';
import { createReportParticipant, type ParticipantInput } from '../report-participant.ts';

type Message = ReportMessage<string>;
type Fact = CollectorFact<string>;

export interface NodeInput {
  readonly participant?: ParticipantInput<string>;
  readonly collector?: CollectorInput<string>;
}

export interface ReportLan {
  readonly lan: Lan<NodeInput, Message, Fact>;
  readonly nodes: readonly string[];
  done(node: string): void;
  doneAll(): void;
  /** What this node says to the collector is lost. */
  cut(node: string): void;
  /** Another one leads, and collects anew; the others hear of it. */
  succeed(node: string): void;
  facts(): Lan<NodeInput, Message, Fact>['facts'];
  consolidated(): {
    at: number;
    node: string;
    fact: Extract<Fact, { fact: 'consolidated' }>;
  }[];
  /** When each participant's first report reached a collector that ran. */
  arrived(): ReadonlyMap<string, number>;
  sent<Type extends Message['type']>(
    type: Type,
  ): { at: number; to: object; message: Extract<Message, { type: Type }> }[];
}

export interface ReportLanOptions {
  readonly participants: number;
  readonly seed?: number;
  readonly lossShare?: number;
  readonly duplicateShare?: number;
}

export function createReportLan({ participants, seed = 1, ...faults }: ReportLanOptions): ReportLan {
  const lan = createLan<NodeInput, Message, Fact>({
    ...{ seed, ...faults },
    toInput: (from, message) => ({
      participant: { input: 'message', from, message },
      collector: { input: 'message', from, message },
    }),
  });
  const nodes = Array.from({ length: participants }, (_, index) => `p${String(index + 1).padStart(3, '0')}`);
  const collectors = new Map<string, ReportCollector<string>>();
  const arrived = new Map<string, number>();
  const collect = (now: number, workMs: number) =>
    createReportCollector<string>({ now, round: 'r1', participants: nodes, workMs });
  const first = collect(0, 0);
  collectors.set('p001', first);

  function tell(now: number, node: string, input: CollectorInput<string>): void {
    const collector = collectors.get(node);
    if (collector === undefined) return;
    if (input.message.type === 'report' && !arrived.has(input.from)) arrived.set(input.from, now);
    collector.handle(now, input);
  }

  /** One machine of the two; messages of a node to itself need no network. */
  function createNode(node: string): Machine<NodeInput, Effect<Message, never, Fact>> {
    const { spreadMs } = first;
    const participant = createReportParticipant<string>({
      ...{ node, round: 'r1', collector: 'p001', spreadMs, random: lan.random },
    });
    const effects: Effect<Message, never, Fact>[] = [];
    const settle = (now: number) => {
      const collector = collectors.get(node);
      for (let effect = participant.pollEffect(); effect; effect = participant.pollEffect()) {
        effects.push(effect);
        if (effect.effect === 'send' && 'node' in effect.to && effect.to.node === node)
          tell(now, node, { input: 'message', from: node, message: effect.message });
      }
      for (let effect = collector?.pollEffect(); effect; effect = collector?.pollEffect()) {
        effects.push(effect);
        if (effect.effect !== 'send' || !('group' in effect.to || effect.to.node === node)) continue;
        participant.handle(now, { input: 'message', from: node, message: effect.message });
      }
    };
    return {
      handle(now, input) {
        if (input.participant) participant.handle(now, input.participant);
        if (input.collector) tell(now, node, input.collector);
        settle(now);
      },
      onTimeout(now) {
        participant.onTimeout(now);
        collectors.get(node)?.onTimeout(now);
        settle(now);
      },
      pollEffect: () => effects.shift(),
      nextTimeout() {
        const next = Math.min(
          participant.nextTimeout() ?? Number.POSITIVE_INFINITY,
          collectors.get(node)?.nextTimeout() ?? Number.POSITIVE_INFINITY,
        );
        return next === Number.POSITIVE_INFINITY ? undefined : next;
      },
    };
  }

  for (const node of nodes.length === 0 ? ['p001'] : nodes) lan.add(node, createNode(node));
  const done = (node: string) => lan.input(node, { participant: { input: 'done', report: `done ${node}` } });

  return {
    lan,
    nodes,
    done,
    doneAll: () => nodes.forEach(done),
    cut: (node) => lan.cut(node, 'p001'),
    succeed(leader) {
      collectors.clear();
      collectors.set(leader, collect(lan.now, 0));
      for (const node of nodes) lan.input(node, { participant: { input: 'collector', node: leader } });
    },
    facts: () => lan.facts,
    arrived: () => arrived,
    consolidated: () =>
      lan.facts.flatMap(({ at, node, fact }) => (fact.fact === 'consolidated' ? [{ at, node, fact }] : [])),
    sent: (type) =>
      lan.sent.flatMap((each) =>
        each.message.type === type
          ? [{ ...each, message: each.message as Extract<Message, { type: typeof type }> }]
          : [],
      ),
  };
}
