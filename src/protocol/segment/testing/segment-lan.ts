// Whole members of a segment on a small LAN for tests: each node runs createSegmentMember, and what it makes durable survives its crash.

import type { ControlMessage, MemberDescription } from '../../../model/segment.ts';
import { type Ballot, emptyBallot } from '../../election/claim.ts';
import type { Candidate } from '../../election/standing.ts';
import { createLan, type Lan } from '../../testing/lan.ts';
import {
  createSegmentMember,
  type MemberEffect,
  type MemberFact,
  type MemberInput,
  type MemberStatus,
  type SegmentMember,
  type SegmentMemberOptions,
} from '../segment-member.ts';
import { segmentTimings } from '../timing.ts';

/** Of middling strength; `content` tells test nodes apart. */
export function candidateOf(content: number, changes: Partial<Candidate> = {}): Candidate {
  const resources = {
    ...{ cpus: 4, idle: 0.5, freeBytes: 1e10, linkBitsPerSecond: 1e9 },
    ...{ reliability: 0.9, content },
  };
  return { role: 'allowed', factor: 1, resources, ...changes };
}

export function selfOf(index: number): MemberDescription {
  const offer = { maintenance: false, freeBytes: 1e10, load: 10 };
  return { address: `10.0.0.${index + 1}`, port: 7446, capabilities: [], offer };
}

export interface SegmentLan {
  readonly lan: Lan<MemberInput, ControlMessage, MemberFact>;
  readonly nodes: readonly string[];
  /** With what it made durable, and knowing nothing else. */
  start(node: string): void;
  status(node: string): MemberStatus;
  /** Of all nodes that run: whom they follow, once each. */
  leaders(): (string | null)[];
}

export interface SegmentLanOptions {
  readonly members: number;
  readonly seed?: number;
  readonly lossShare?: number;
  /** Of a message on its way; 0.1 to 2 when it is not said. */
  readonly delayMs?: number;
  readonly candidate?: (index: number) => Candidate;
  /** Each effect as it is carried out. */
  readonly onEffect?: (node: string, effect: MemberEffect) => void;
  readonly options?: Partial<SegmentMemberOptions>;
}

export function createSegmentLan({ members, seed = 1, ...options }: SegmentLanOptions): SegmentLan {
  const lan = createLan<MemberInput, ControlMessage, MemberFact>({
    ...{ seed, lossShare: options.lossShare ?? 0 },
    ...(options.delayMs !== undefined && { delayMinMs: options.delayMs, delayMaxMs: options.delayMs }),
    toInput: (from, message) => ({ input: 'message', from, message }),
  });
  const nodes = Array.from({ length: members }, (_, index) => `web-${index + 1}`);
  const machines = new Map<string, SegmentMember>();
  const ballots = new Map<string, Ballot>();

  function start(node: string): void {
    const index = nodes.indexOf(node);
    const machine = createSegmentMember({
      ...{ now: lan.now, node, timing: segmentTimings.fast, random: lan.random },
      ballot: ballots.get(node) ?? emptyBallot,
      self: selfOf(index),
      candidate: options.candidate?.(index) ?? candidateOf(1 - index / members),
      others: members - 1,
      ...options.options,
    });
    machines.set(node, machine);
    lan.add(node, {
      ...machine,
      pollEffect() {
        const effect = machine.pollEffect();
        if (effect?.effect === 'persist') ballots.set(node, effect.state);
        if (effect !== undefined) options.onEffect?.(node, effect);
        return effect;
      },
    });
  }

  const status = (node: string): MemberStatus => {
    const machine = machines.get(node);
    if (machine === undefined) throw new Error(`there is no ${node}`);
    return machine.status(lan.now);
  };

  for (const node of nodes) start(node);
  return {
    lan,
    nodes,
    start,
    status,
    leaders: () => [...new Set(nodes.filter((node) => lan.isUp(node)).map((node) => status(node).leader))],
  };
}
