// The product's machines, set up as a run's plan says. Mutants give other rules, or another hand around the machine.

import type { MemberDescription } from '../../model/segment.ts';
import { emptyBallot } from '../../protocol/election/claim.ts';
import { type ElectionRules, electionRules } from '../../protocol/election/election-rules.ts';
import type { Candidate } from '../../protocol/election/standing.ts';
import { type RegistrationRules, registrationRules } from '../../protocol/registration/registration-rules.ts';
import type { createAcceptance } from '../../protocol/segment/acceptance.ts';
import { createSegmentMember, type SegmentMember } from '../../protocol/segment/segment-member.ts';
import { segmentTimings } from '../../protocol/segment/timing.ts';
import { createRandom } from '../kernel/random.ts';
import type { MemberKit } from './member-kit.ts';
import type { PlannedMember, RunPlan } from './run-plan.ts';

export interface KitChanges {
  readonly election?: Partial<ElectionRules>;
  readonly registration?: Partial<RegistrationRules>;
  readonly createAcceptance?: typeof createAcceptance;
  readonly forgetsBoots?: boolean;
  /** Stands between machine and driver. */
  readonly around?: (member: SegmentMember) => SegmentMember;
}

export function productKit(plan: RunPlan, changes: KitChanges = {}): MemberKit {
  const members: (SegmentMember | undefined)[] = plan.members.map(() => undefined);
  const randoms = plan.members.map((_, index) => createRandom(plan.seed, `machine ${index}`));
  return {
    timing: segmentTimings.fast,
    create(index, now, durable) {
      const planned = plan.members[index] as PlannedMember;
      const member = createSegmentMember({
        now,
        node: planned.name,
        timing: segmentTimings.fast,
        random: (randoms[index] as { unit: () => number }).unit,
        ballot: durable ?? emptyBallot,
        candidate: candidateOf(planned),
        others: 0,
        self: descriptionOf(index),
        rules: {
          election: { ...electionRules, ...changes.election },
          registration: { ...registrationRules, ...changes.registration },
        },
      });
      members[index] = member;
      return changes.around?.(member) ?? member;
    },
    ...(changes.createAcceptance && { createAcceptance: changes.createAcceptance }),
    forgetsBoots: changes.forgetsBoots === true,
    priority: (index, now) => members[index]?.status(now).priority ?? 0,
    inputs: {
      message: (from, message) => ({ input: 'message', from, message }),
      persistFailed: { input: 'persistFailed' },
      stop: { input: 'stop' },
      linked: { input: 'report', why: 'ccm' },
      unlinked: { input: 'verdict', accepted: null },
      verdict: ({ accepted }) => ({ input: 'verdict', accepted: accepted.leader }),
      others: (others) => ({ input: 'peers', others }),
    },
  };
}

function candidateOf({ role, factor, strength }: PlannedMember): Candidate {
  return {
    role,
    factor,
    resources: {
      cpus: 1 + Math.round(strength * 63),
      idle: 0.9,
      freeBytes: Math.round(1e9 + strength * 1e12),
      linkBitsPerSecond: 1e9,
      reliability: 0.5 + strength / 2,
      content: strength,
    },
  };
}

function descriptionOf(index: number): MemberDescription {
  return {
    address: `10.77.${index >> 8}.${index & 255}`,
    port: 17_446,
    capabilities: ['linux-web-1'],
    offer: { maintenance: false, freeBytes: 1e11, load: 10 },
  };
}
