// For tests: the tree over a registry in memory, leaders and nodes spoken for by the test, a clock that it moves, and a record of what was sent.

import { createPublicKey } from 'node:crypto';
import { pino } from 'pino';
import type { Release } from '../../../model/release.ts';
import {
  type SignedHandOut,
  type TreeAgentMessage,
  type TreeCcmMessage,
  treeProfile,
} from '../../../model/tree-messages.ts';
import { createManualClock, type ManualClock } from '../../../net/testing/manual-clock.ts';
import { generatePrivateKey } from '../../../net/tls/key-pair.ts';
import { verifyHandOut } from '../../../net/tree/hand-out.ts';
import type { CcmDatabase } from '../../db/ccm-database.ts';
import type { BelievedReport } from '../../db/schema.ts';
import type { LeaderSession } from '../../gateway/leaders/leader-sessions.ts';
import type { Behind } from '../../gateway/leaders/member-connection.ts';
import type { EventInput } from '../../registry/event-log.ts';
import type { Registry } from '../../registry/registry.ts';
import { certificateOf, temporaryRegistry } from '../../registry/testing/temporary-registry.ts';
import { createLeaderFacts } from '../leader-facts.ts';
import { createLeaderMeasures, type LeaderMeasures } from '../leader-measures.ts';
import { createLeaderPlaces, type LeaderPlaces } from '../leader-places.ts';
import { createTrees, type Trees, type TreeWork } from '../trees.ts';

type Sent<T extends TreeCcmMessage['type']> = Extract<TreeCcmMessage, { type: T }>;
type Said<T extends TreeAgentMessage['type']> = Extract<TreeAgentMessage, { type: T }>;

export const ccm = 'c'.repeat(32);
export const release: Release = { epoch: 1, sequence: 7 };
export const blocks = 80;
/** 10 MiB. */
export const work: TreeWork = {
  site: 'shop',
  release,
  id: 'a'.repeat(64),
  manifestBytes: 4_096,
  dataBytes: blocks * 131_072,
};

export interface TreeFixture {
  readonly trees: Trees;
  readonly registry: Registry;
  readonly database: CcmDatabase;
  readonly clock: ManualClock;
  readonly measures: LeaderMeasures;
  readonly places: () => LeaderPlaces;
  readonly health: { waitsFor: unknown };
  readonly events: EventInput[];
  readonly warnings: object[];
  readonly sent: { readonly node: string; readonly message: TreeCcmMessage }[];
  readonly reports: Map<string, BelievedReport>;
  /** Told to a node of that type, oldest first. */
  told<T extends TreeCcmMessage['type']>(node: string, type: T): Sent<T>[];
  /** A leader's session begins; it names tree-1 unless other profiles are given. Members are behind it from then on. */
  lead(leader: string, options?: LeadOptions): string;
  /** Its session ends. */
  lose(leader: string): void;
  /** The newest hand-out that anybody was given for it; verified. */
  handOut(node: string): SignedHandOut | undefined;
  state(node: string, more?: Partial<Said<'treeState'>>): void;
  next(node: string, more?: Partial<Said<'treeNext'>>): void;
  lost(node: string, more?: Partial<Said<'treeSourceLost'>>): void;
  /** The CCM is started again, with what its database has. */
  restarted(isOn?: boolean): void;
}

export interface LeadOptions {
  readonly segment?: string;
  readonly members?: readonly string[];
  readonly profiles?: readonly string[];
  /** False: it reports no place. */
  readonly hasPlace?: boolean;
}

export async function treeFixture(): Promise<TreeFixture> {
  const { registry, database } = await temporaryRegistry();
  const clock = createManualClock(1_800_000_000_000);
  const key = generatePrivateKey();
  const sent: TreeFixture['sent'] = [];
  const events: EventInput[] = [];
  const warnings: object[] = [];
  const health: TreeFixture['health'] = { waitsFor: undefined };
  const behind = new Map<string, Behind>();
  const sessions = new Map<string, LeaderSession>();
  const reports: TreeFixture['reports'] = new Map();
  /** Where nodes belong; each segment in it was led. */
  const segments = new Map<string, string>();
  let count = 0;
  let measures: LeaderMeasures;
  let places: LeaderPlaces;

  function create(isOn: boolean): Trees {
    measures = createLeaderMeasures({
      database,
      health,
      clock,
      random: () => 0.25,
      onError(error) {
        throw error;
      },
    });
    const reportOf = (node: string) => reports.get(node);
    places = createLeaderPlaces(clock, reportOf);
    return createTrees({
      ccm,
      isOn,
      gateway: {
        send: (node, message) => sent.push({ node, message: message as TreeCcmMessage }),
        behind: (node) => behind.get(node) ?? null,
        leading: (node) => sessions.get(node) ?? null,
      },
      wasLed: (segment) => [...segments.values()].includes(segment),
      segmentOf: (node) => segments.get(node) ?? null,
      facts: createLeaderFacts({ registry, places, measures, reportOf, clock }),
      releaseKey: () => key,
      ccmBytesPerSecond: () => null,
      clock,
      append: (event) => events.push(event),
      health,
      logger: {
        ...pino({ level: 'silent' }),
        warn: (facts: object) => void warnings.push(facts),
        debug: () => undefined,
        error: (facts: object) => void warnings.push(facts),
      } as never,
    });
  }

  let trees = create(true);
  const told = <T extends TreeCcmMessage['type']>(node: string, type: T): Sent<T>[] =>
    sent.flatMap((each) =>
      each.node === node && each.message.type === type ? [each.message as Sent<T>] : [],
    );

  function handOut(node: string): SignedHandOut | undefined {
    const all = sent.flatMap(({ message }) => {
      if (message.type === 'handOut') return [message.handOut];
      return message.type === 'treeNextAnswer' ? message.next.map((next) => next.handOut) : [];
    });
    const found = all.findLast((each) => each.node === node);
    if (found !== undefined) verifyHandOut(found, { keys: [createPublicKey(key)], node, now: clock.now() });
    return found;
  }

  const fixture: TreeFixture = {
    get trees() {
      return trees;
    },
    get measures() {
      return measures;
    },
    places: () => places,
    ...{ registry, database, clock, health, events, warnings, sent, reports, told, handOut },
    lead(leader, { segment, members = [], profiles = [treeProfile], hasPlace = true } = {}) {
      count += 1;
      const id = segment ?? String(count).padStart(32, '0');
      if (hasPlace) reports.set(leader, reportOf(leader, `10.0.${count >> 8}.${count & 255}`));
      behind.delete(leader);
      for (const node of [leader, ...members]) segments.set(node, id);
      sessions.set(leader, { id: `session ${count}`, segment: id, profiles, delayMs: null });
      for (const node of members) behind.set(node, { leader, segment: id, since: 0 });
      trees.led(id, leader);
      return id;
    },
    lose(leader) {
      const segment = sessions.get(leader)?.segment ?? '';
      sessions.delete(leader);
      trees.led(segment, null);
    },
    state: (node, more) =>
      trees.said(node, {
        ...{ type: 'treeState', ccm, assignment: work.id, state: 'fetching', blocks, heldBlocks: 1 },
        number: handOut(node)?.number ?? 0,
        ...(more?.state === 'held' ? { heldBlocks: blocks } : {}),
        ...{ figures: [], error: null },
        ...more,
      }),
    next: (node, more) =>
      trees.said(node, {
        ...{ type: 'treeNext', ccm, assignment: work.id, heldBlocks: 1, room: 2, unreached: [] },
        ...more,
      }),
    lost: (node, more) =>
      trees.said(node, {
        ...{ type: 'treeSourceLost', ccm, assignment: work.id, number: handOut(node)?.number ?? 0 },
        ...{ source: null, trouble: 'unreachable', heldBlocks: 1 },
        ...more,
      }),
    restarted(isOn = true) {
      trees.close();
      trees = create(isOn);
      for (const [leader, { segment }] of sessions) trees.led(segment, leader);
    },
  };
  for (const name of ['old', 'direct']) registry.nodes.join({ name, ...certificateOf(name) });
  return fixture;
}

/** A leader's report with its own place alone. */
export function reportOf(
  leader: string,
  address: string,
  more: Partial<BelievedReport> = {},
): BelievedReport {
  return {
    ...{ term: 1, priority: 0.5, leader, list: 1, triggers: ['timer'], location: null, timeZone: 'UTC' },
    ...{ freeBytes: 1e9, cpus: 2, connections: 3 },
    members: [{ node: leader, online: true, address, port: 17_446, capabilities: [], offer: null }],
    ...more,
  };
}
