// Whom the CCM accepts in each segment (SEG-1 to SEG-3): runs the acceptance machines, writes down what they say, and then tells it.

import { unassignedSegment } from '../../model/segment.ts';
import type { Clock } from '../../net/clock.ts';
import {
  type Acceptance,
  type AcceptanceVerdict,
  createAcceptance,
  type LeaderClaim,
} from '../../protocol/segment/acceptance.ts';
import type { Registry } from '../registry/registry.ts';
import type { SegmentLinks } from './segment-links.ts';

/** What ended it, as it is in the event log. */
export type GoneBecause = 'link' | 'resigned' | 'removed' | 'moved' | 'start';

export interface SegmentLeaders {
  /** A leader's report; true when it is accepted. `answered`: the id under which it reported. */
  claimed(segment: string, claim: LeaderClaim, answered: string): boolean;
  /** The node leads no more, or nobody can know. */
  gone(node: string, because: GoneBecause): void;
  /** Who is accepted now. */
  of(segment: string): LeaderClaim | null;
  refused(segment: string): readonly LeaderClaim[];
  /** The segment that the node leads or claims to lead. */
  ledBy(node: string): string | undefined;
  close(): void;
}

export interface SegmentLeadersOptions {
  readonly registry: Registry;
  readonly links: Pick<SegmentLinks, 'send'>;
  readonly clock: Clock;
  /** After it was told so; null: nobody any more. The same again changes nothing. */
  readonly appoint: (segment: string, leader: string | null) => void;
  /** One that was refused is accepted: what it reported last counts. */
  readonly onSucceeded: (segment: string, leader: string) => void;
}

const startGraceMs = 5_000;

export function createSegmentLeaders(options: SegmentLeadersOptions): SegmentLeaders {
  const { registry, links, clock } = options;
  const acceptances = new Map<string, Acceptance>();
  /** By node: the segment that it claims. */
  const claims = new Map<string, string>();
  /** By node: its last verdict, so that it is told of another one only. */
  const told = new Map<string, string>();

  function acceptanceOf(segment: string): Acceptance {
    let acceptance = acceptances.get(segment);
    if (acceptance === undefined) {
      acceptance = createAcceptance();
      acceptances.set(segment, acceptance);
    }
    return acceptance;
  }

  // SEG-3: those from before this start, until they report or their time is over.
  for (const { id, leader } of registry.segments.list()) {
    if (leader !== null) acceptances.set(id, createAcceptance({ leader: leader.node, term: leader.term }));
  }
  const cancelGrace = clock.after(startGraceMs, () => {
    for (const [segment, { accepted }] of acceptances) {
      if (accepted !== null && claims.get(accepted.leader) !== segment)
        leave(segment, accepted.leader, 'start');
    }
  });

  function tell(segment: string, { to, term, accepted }: AcceptanceVerdict, answered: string): void {
    const assigned = answered === unassignedSegment ? segment : null;
    const verdict = { type: 'segmentVerdict', segment: answered, term, accepted, assigned } as const;
    const text = JSON.stringify(verdict);
    if (told.get(to) === text) return;
    told.set(to, text);
    links.send(to, verdict);
  }

  function write(segment: string, { leader, term }: LeaderClaim): void {
    const record = registry.segments.find(segment);
    if (record?.leader?.node !== leader || record.leader.term !== term)
      registry.segments.accepted(segment, leader, term);
  }

  function leave(segment: string, node: string, because: GoneBecause): void {
    const acceptance = acceptanceOf(segment);
    const before = acceptance.accepted;
    const verdicts = acceptance.gone(node);
    if (before?.leader === node) registry.segments.leaderGone(segment, before, because);
    const { accepted } = acceptance;
    if (accepted !== null && accepted !== before) {
      write(segment, accepted);
      options.onSucceeded(segment, accepted.leader);
      for (const verdict of verdicts) tell(segment, verdict, segment);
    }
    options.appoint(segment, accepted?.leader ?? null);
  }

  return {
    claimed(segment, claim, answered) {
      const { leader } = claim;
      const former = claims.get(leader);
      if (former !== undefined && former !== segment) leave(former, leader, 'moved');
      claims.set(leader, segment);
      const acceptance = acceptanceOf(segment);
      const isKnown = acceptance
        .refused()
        .some((other) => other.leader === leader && other.term === claim.term);
      const verdict = acceptance.claimed(claim);
      const isAccepted = verdict.accepted.leader === leader;
      if (isAccepted) write(segment, verdict.accepted);
      else if (!isKnown) registry.segments.leaderRefused(segment, claim, verdict.accepted);
      tell(segment, verdict, answered);
      options.appoint(segment, verdict.accepted.leader);
      return isAccepted;
    },

    gone(node, because) {
      const segment = claims.get(node);
      told.delete(node);
      if (segment === undefined) return;
      claims.delete(node);
      leave(segment, node, because);
    },

    of: (segment) => acceptances.get(segment)?.accepted ?? null,
    refused: (segment) => acceptances.get(segment)?.refused() ?? [],
    ledBy: (node) => claims.get(node),
    close: () => cancelGrace(),
  };
}
