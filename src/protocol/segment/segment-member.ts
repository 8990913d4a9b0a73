// A node's whole part in its segment: who leads (election) and who is there (registration), as one machine. The only one that drivers and
// the simulator run; decides nothing but what goes to which of the two.

import type {
  ControlMessage,
  ListedMember,
  MemberDescription,
  SegmentMove,
  SegmentTiming,
} from '../../model/segment.ts';
import type { Ballot } from '../election/claim.ts';
import { createElection } from '../election/election.ts';
import type { ElectionFact, ElectionStatus } from '../election/election-messages.ts';
import type { ElectionRules } from '../election/election-rules.ts';
import type { Candidate } from '../election/standing.ts';
import type { Effect, Instant, Machine } from '../machine.ts';
import { type AskedReport, createRegistration, type RegistrationFact } from '../registration/registration.ts';
import type { RegistrationRules } from '../registration/registration-rules.ts';

export interface SegmentMemberOptions {
  /** When it starts, on the clock that all calls are told. */
  readonly now: Instant;
  readonly node: string;
  readonly timing: SegmentTiming;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** The last one that was made durable; `emptyBallot` at first. */
  readonly ballot: Ballot;
  readonly self: MemberDescription;
  readonly candidate: Candidate;
  /** How many other nodes of the segment are known to be up; 0 when nobody says. */
  readonly others: number;
  readonly rules?: { readonly election?: ElectionRules; readonly registration?: RegistrationRules };
}

export type MemberInput =
  /** Verified by the driver: from a node of this CCM and segment, not heard before. */
  | { readonly input: 'message'; readonly from: string; readonly message: ControlMessage }
  /** What the last `persist` said is not durable. */
  | { readonly input: 'persistFailed' }
  /** What changed of this node, or was measured anew. */
  | { readonly input: 'self'; readonly self?: MemberDescription; readonly candidate?: Candidate }
  | { readonly input: 'peers'; readonly others: number }
  /** Whom the CCM accepts as this segment's leader, which may be this node; null: nobody, or there is no link to it. */
  | { readonly input: 'verdict'; readonly accepted: string | null }
  /** The newest list of revoked certificates that is known here. */
  | { readonly input: 'revocations'; readonly number: number }
  /** Of a leader: report to the CCM now. */
  | { readonly input: 'report'; readonly why: AskedReport }
  /** Of a leader: take the segment there. */
  | { readonly input: 'move'; readonly to: SegmentMove }
  /** Of a leader: another one is to lead. */
  | { readonly input: 'resign' }
  /** The node's own interface. */
  | { readonly input: 'network'; readonly up: boolean }
  /** Says goodbye; nothing is sent after it. */
  | { readonly input: 'stop' };

export type MemberFact = ElectionFact | RegistrationFact;
export type MemberEffect = Effect<ControlMessage, Ballot, MemberFact>;

export interface MemberStatus extends ElectionStatus {
  readonly isRegistered: boolean;
  /** As the newest list has them. */
  readonly members: readonly ListedMember[];
}

export interface SegmentMember extends Machine<MemberInput, MemberEffect> {
  status(now: Instant): MemberStatus;
}

export function createSegmentMember(options: SegmentMemberOptions): SegmentMember {
  const { rules = {}, ...node } = options;
  const effects: MemberEffect[] = [];
  let revocations = 0;
  const registration = createRegistration({
    ...node,
    ...(rules.registration && { rules: rules.registration }),
  });
  const election = createElection({
    ...node,
    ...(rules.election && { rules: rules.election }),
    announced: (now) => ({ ...registration.announced(now), revocations }),
  });

  /** What the election says of the leader reaches registration before anything else does. */
  function collect(now: Instant): void {
    for (let effect = election.pollEffect(); effect !== undefined; effect = election.pollEffect()) {
      effects.push(effect);
      if (effect.effect !== 'deliver' || effect.fact.fact !== 'leader') continue;
      const { leader, term, priority } = effect.fact;
      registration.handle(now, { input: 'leader', leader, term, priority });
    }
    for (let effect = registration.pollEffect(); effect !== undefined; effect = registration.pollEffect())
      effects.push(effect);
  }

  function take(now: Instant, input: MemberInput): void {
    switch (input.input) {
      case 'message':
        election.handle(now, input);
        collect(now);
        registration.handle(now, input);
        return;
      case 'persistFailed':
      case 'resign':
      case 'network':
        election.handle(now, input);
        return;
      case 'self':
        if (input.candidate) election.handle(now, { input: 'candidate', candidate: input.candidate });
        if (input.self) registration.handle(now, { input: 'self', self: input.self });
        return;
      case 'peers':
        election.handle(now, { input: 'others', others: input.others });
        return;
      case 'verdict':
        election.handle(now, { input: 'accepted', leader: input.accepted });
        return;
      case 'revocations':
        revocations = input.number;
        return;
      case 'report':
      case 'move':
        registration.handle(now, input);
        return;
      case 'stop':
        election.handle(now, input);
        registration.handle(now, input);
        return;
    }
  }

  return {
    handle(now, input) {
      take(now, input);
      collect(now);
    },

    onTimeout(now) {
      election.onTimeout(now);
      collect(now);
      registration.onTimeout(now);
      collect(now);
    },

    pollEffect: () => effects.shift(),

    nextTimeout() {
      const next = Math.min(
        election.nextTimeout() ?? Number.POSITIVE_INFINITY,
        registration.nextTimeout() ?? Number.POSITIVE_INFINITY,
      );
      return next === Number.POSITIVE_INFINITY ? undefined : next;
    },

    status: (now) => ({
      ...election.status(now),
      isRegistered: registration.isRegistered(),
      members: registration.members(),
    }),
  };
}
