// What a run needs of the machines that it runs, so that a mutant's can take the place of the product's.

import type { ControlMessage, SegmentTiming } from '../../model/segment.ts';
import type { Ballot } from '../../protocol/election/claim.ts';
import type { Instant, Machine } from '../../protocol/machine.ts';
import type { AcceptanceVerdict, createAcceptance } from '../../protocol/segment/acceptance.ts';
import type { MemberEffect, MemberInput } from '../../protocol/segment/segment-member.ts';

export interface MemberKit {
  readonly timing: SegmentTiming;
  /** Of a node that starts, with what is durable. */
  create(index: number, now: Instant, durable: Ballot | undefined): Machine<MemberInput, MemberEffect>;
  /** How well the node would lead now, by its own reckoning. */
  priority(index: number, now: Instant): number;
  /** The product's unless a mutant has its own. */
  readonly createAcceptance?: typeof createAcceptance;
  /** Whether each start of a node counts as its first. */
  readonly forgetsBoots: boolean;
  readonly inputs: {
    message(from: string, message: ControlMessage, toGroup: boolean): MemberInput;
    readonly persistFailed: MemberInput;
    readonly stop: MemberInput;
    /** The link to the CCM is up (again). */
    readonly linked: MemberInput;
    readonly unlinked: MemberInput;
    verdict(verdict: AcceptanceVerdict): MemberInput;
    others(count: number): MemberInput;
  };
}
