// Registration machines on a small LAN, with the election's word given by the test: who leads, in which term, and an LA twice a second.

import type { ControlMessage, MemberDescription, SegmentTiming } from '../../../model/segment.ts';
import { segmentTimings } from '../../segment/timing.ts';
import { createLan, type Lan } from '../../testing/lan.ts';
import {
  createRegistration,
  type Registration,
  type RegistrationFact,
  type RegistrationInput,
} from '../registration.ts';
import type { RegistrationRules } from '../registration-rules.ts';
import { splitList } from './split-list.ts';

export const testTiming = segmentTimings.fast;

export function describeMember(index: number): MemberDescription {
  return {
    address: `10.0.0.${index}`,
    port: 7411,
    capabilities: ['control-1'],
    offer: { maintenance: false, freeBytes: 1_000_000, load: 10 },
  };
}

export interface RegistrationLan {
  readonly lan: Lan<RegistrationInput, ControlMessage, RegistrationFact>;
  readonly nodes: readonly string[];
  machine(node: string): Registration;
  /** Begins anew, knowing nothing. */
  restart(node: string): void;
  /** The election's outcome, told to all nodes that run, or to these. */
  elect(leader: string | null, term: number, told?: readonly string[]): void;
  run(forMs: number): void;
  facts<Kind extends RegistrationFact['fact']>(
    kind: Kind,
    node?: string,
  ): { at: number; node: string; fact: Extract<RegistrationFact, { fact: Kind }> }[];
  sent<Type extends ControlMessage['type']>(
    type: Type,
    from?: string,
  ): { at: number; from: string; to: object; message: Extract<ControlMessage, { type: Type }> }[];
}

export interface RegistrationLanOptions {
  readonly members: number;
  readonly seed?: number;
  readonly lossShare?: number;
  readonly duplicateShare?: number;
  readonly delayMaxMs?: number;
  /** Of a list in one datagram. */
  readonly partMembersMax?: number;
  readonly rules?: RegistrationRules;
  readonly timing?: SegmentTiming;
}

export function createRegistrationLan(options: RegistrationLanOptions): RegistrationLan {
  const { members, seed = 1, rules, timing = testTiming } = options;
  const lan = createLan<RegistrationInput, ControlMessage, RegistrationFact>({
    ...{ seed, lossShare: options.lossShare ?? 0, duplicateShare: options.duplicateShare ?? 0 },
    delayMaxMs: options.delayMaxMs ?? 2,
    datagrams: (message) => splitList(message, options.partMembersMax ?? 5),
    toInput: (from, message) => ({ input: 'message', from, message }),
  });
  const nodes = Array.from({ length: members }, (_, index) => `n${String(index + 1).padStart(3, '0')}`);
  const machines = new Map<string, Registration>();
  let alive: { readonly leader: string; readonly term: number } | null = null;

  function start(node: string): void {
    const machine = createRegistration({
      ...{ node, timing, random: lan.random, self: describeMember(nodes.indexOf(node) + 1) },
      ...(rules === undefined ? {} : { rules }),
    });
    machines.set(node, machine);
    lan.add(node, machine);
  }

  function sayAlive(leader: string, term: number): void {
    const said = machines.get(leader)?.announced(lan.now) ?? { list: 0, move: null };
    const message = {
      type: 'leader-alive',
      term,
      priority: 7,
      accepted: true,
      revocations: 0,
      ...said,
    } as const;
    for (const node of nodes)
      if (node !== leader) lan.input(node, { input: 'message', from: leader, message });
  }

  for (const node of nodes) start(node);
  return {
    lan,
    nodes,
    machine(node) {
      const machine = machines.get(node);
      if (machine === undefined) throw new Error(`there is no ${node}`);
      return machine;
    },
    restart: start,
    elect(leader, term, told = nodes) {
      if (leader !== null) alive = { leader, term };
      for (const node of told) lan.input(node, { input: 'leader', leader, term, priority: 7 });
    },
    run(forMs) {
      for (const end = lan.now + forMs; lan.now < end; ) {
        if (alive !== null) sayAlive(alive.leader, alive.term);
        lan.run(Math.min(timing.aliveMs, end - lan.now));
      }
    },
    facts: (kind, node) =>
      lan.facts.flatMap(({ at, node: by, fact }) =>
        fact.fact === kind && (node ?? by) === by
          ? [{ at, node: by, fact: fact as Extract<RegistrationFact, { fact: typeof kind }> }]
          : [],
      ),
    sent: (type, from) =>
      lan.sent.flatMap((each) =>
        each.message.type === type && (from ?? each.from) === each.from
          ? [{ ...each, message: each.message as Extract<ControlMessage, { type: typeof type }> }]
          : [],
      ),
  };
}

export interface SettledSegment extends RegistrationLan {
  /** Triggers, and who is in it, of each report since; `!` behind who is offline. */
  reports(node?: string): { triggers: string; members: string }[];
  since<Timed extends { at: number }>(all: Timed[]): Timed[];
}

/** Nodes that n001 leads in term 1, all registered; what happened from then on. */
export function settledSegment(members = 5, seed = 1): SettledSegment {
  const segment = createRegistrationLan({ members, seed });
  segment.elect('n001', 1);
  segment.run(3000);
  for (const node of segment.nodes)
    if (!segment.machine(node).isRegistered()) throw new Error(`${node} is not registered`);
  const settledAt = segment.lan.now;
  return {
    ...segment,
    reports: (node = 'n001') =>
      segment
        .facts('segment-report', node)
        .filter(({ at }) => at >= settledAt)
        .map(({ fact: { report } }) => ({
          triggers: report.triggers.join(),
          members: report.members.map(({ node: name, online }) => `${name}${online ? '' : '!'}`).join(' '),
        })),
    since: (all) => all.filter(({ at }) => at >= settledAt),
  };
}
