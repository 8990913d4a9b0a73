// The number of each type of message in a datagram. Numbers are never used for something else.

import type { SegmentMessageType } from './segment-message.ts';

export const messageCodes: Readonly<Record<SegmentMessageType, number>> = {
  'leader-alive': 1,
  'leader-claim': 2,
  register: 3,
  'member-list': 4,
  here: 5,
  solicit: 6,
  leave: 7,
  concede: 8,
  'newer-term': 9,
  resign: 10,
  'certificate-wanted': 64,
  certificate: 65,
  probe: 66,
  'probe-answer': 67,
  present: 68,
  decision: 69,
  burst: 70,
  'burst-answer': 71,
};

const types = new Map(
  Object.entries(messageCodes).map(([type, code]) => [code, type as SegmentMessageType] as const),
);

export function messageTypeOf(code: number): SegmentMessageType | undefined {
  return types.get(code);
}
