// A node of a segment for tests: the real driver and machine over real sockets, in this process, with credentials straight from an authority.

import type { ControlChannel, SegmentTiming } from '../../../model/segment.ts';
import { type Ballot, emptyBallot } from '../../../protocol/election/claim.ts';
import {
  createSegmentMember,
  type MemberFact,
  type SegmentMember,
} from '../../../protocol/segment/segment-member.ts';
import { segmentTimings } from '../../../protocol/segment/timing.ts';
import { steadyClock } from '../../clock.ts';
import type { NodeCredentials } from '../../testing/node-credentials.ts';
import { createSegmentDriver, type SegmentDriver } from '../segment-driver.ts';

export interface TestNode {
  readonly node: string;
  readonly driver: SegmentDriver;
  readonly facts: MemberFact[];
  /** Every ballot that was persisted, with its segment. */
  readonly ballots: { readonly segment: string; readonly ballot: Ballot }[];
  readonly log: string[];
}

export interface TestNodeOptions {
  readonly credentials: NodeCredentials;
  readonly authorities: string;
  readonly place: ControlChannel;
  readonly segment: string;
  readonly wanted?: string;
  /** The CCM; default: this machine. */
  readonly towards?: { readonly host: string; readonly port: number };
  readonly transport?: 'auto' | 'multicast' | 'unicast';
  readonly boot?: number;
  readonly timing?: SegmentTiming;
  readonly cpus?: number;
  readonly persist?: (ballot: Ballot) => Promise<void>;
  readonly onFact?: (fact: MemberFact) => void;
  /** Around the machine that the driver runs. */
  readonly wrap?: (machine: SegmentMember) => SegmentMember;
  readonly onBroken?: (error: unknown) => void;
  readonly onLog?: (event: string, data: object) => void;
}

export async function startNode(options: TestNodeOptions): Promise<TestNode> {
  const { credentials } = options;
  const { node } = credentials;
  const facts: MemberFact[] = [];
  const ballots: TestNode['ballots'] = [];
  const log: string[] = [];
  const describe = (own: { address: string; port: number }) => ({
    ...own,
    capabilities: [],
    offer: { maintenance: false, freeBytes: 1, load: 0 },
  });
  let seed = [...node].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7);
  const random = (): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed / 2_147_483_648;
  };
  const driver = await createSegmentDriver({
    node,
    identity: () => ({ key: credentials.key, certificate: credentials.identity.certificate }),
    authorities: options.authorities,
    boot: options.boot ?? 1,
    segment: options.segment,
    place: options.place,
    transport: options.transport ?? 'auto',
    wishes: { wanted: options.wanted, towards: options.towards ?? { host: '127.0.0.1', port: 9 } },
    clock: steadyClock,
    ballot: emptyBallot,
    createMachine: ({ now, own }) => {
      const member = createSegmentMember({
        now,
        node,
        timing: options.timing ?? segmentTimings.fast,
        random,
        ballot: emptyBallot,
        self: describe(own ?? { address: '0.0.0.0', port: 1 }),
        candidate: {
          role: 'allowed',
          factor: 1,
          resources: {
            cpus: options.cpus ?? 2,
            idle: 1,
            freeBytes: 1e9,
            linkBitsPerSecond: 1e9,
            reliability: 1,
            content: 1,
          },
        },
        others: 0,
      });
      return options.wrap?.(member) ?? member;
    },
    describe,
    async persist(segment, ballot) {
      await options.persist?.(ballot);
      ballots.push({ segment, ballot });
    },
    onFact(fact) {
      facts.push(fact);
      options.onFact?.(fact);
    },
    onOtherSegment: () => undefined,
    onBroken(error) {
      if (options.onBroken === undefined) throw error;
      options.onBroken(error);
    },
    log(_level, event, data) {
      log.push(event);
      options.onLog?.(event, data);
    },
  });
  return { node, driver, facts, ballots, log };
}
