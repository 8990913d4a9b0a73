// What a node was told over a link of its own, as digests, so that CCM and node can compare it in a few bytes. Left out is what changes all the time and
// comes in other ways: the last decision of a site, and a segment's peers.

import { hash } from 'node:crypto';
import { canonicalJson } from '../../assignment/canonical-json.ts';
import type { SiteGrant } from '../../model/messages.ts';
import type { SegmentCcmMessage } from '../../model/segment-messages.ts';

type SegmentTold = Extract<SegmentCcmMessage, { readonly type: 'segment' }>;
type RevocationsTold = Extract<SegmentCcmMessage, { readonly type: 'revocations' }>;

/** Of a part that the node was never told of. */
export const untold = '0'.repeat(16);

export function digestOfGrant({ lastDecision: _, ...grant }: SiteGrant): string {
  return digest(grant);
}

export function digestOfReleaseKeys(releaseKeys: readonly string[]): string {
  return digest([...releaseKeys]);
}

export function digestOfSegment({ peers: _, others: __, ...told }: SegmentTold): string {
  return digest(told);
}

export function digestOfRevocations({ number, fingerprints }: RevocationsTold): string {
  return digest({ number, fingerprints });
}

function digest(value: object): string {
  return hash('sha256', canonicalJson(value)).slice(0, 16);
}
