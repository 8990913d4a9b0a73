// What leaders said last of how much goes between segments (TREE-70 and following), for `segment show`. In memory; nothing depends on it.

import type { SegmentTrafficResource } from '../../model/api.ts';
import type { LeaderAgentMessage } from '../../model/leader-messages.ts';
import type { Clock } from '../../net/clock.ts';

export type TrafficWord = Extract<LeaderAgentMessage, { type: 'leaderTraffic' }>;

export interface SegmentTraffic {
  said(segment: string, leader: string, word: TrafficWord): void;
  of(segment: string): SegmentTrafficResource | null;
}

export function createSegmentTraffic(clock: Pick<Clock, 'now'>): SegmentTraffic {
  const last = new Map<string, SegmentTrafficResource>();
  return {
    said(segment, leader, { type: _, ...moved }) {
      last.set(segment, { ...moved, leader, at: new Date(clock.now()).toISOString() });
    },
    of: (segment) => last.get(segment) ?? null,
  };
}
