// Whom the CCM accepts as the leader of one segment (SEG-1 to SEG-3): the first that reports, until that one is gone. Pure; the CCM and the
// simulator run the same. What "gone" is (a closed link, no answer, its own word that it leads no more) they find out.

/** A node says that it leads, in this term of its own. */
export interface LeaderClaim {
  readonly leader: string;
  readonly term: number;
}

/** Goes to `to`, about the claim that it made last. */
export interface AcceptanceVerdict {
  readonly to: string;
  readonly term: number;
  /** Whom the CCM accepts, which may be `to` itself. */
  readonly accepted: LeaderClaim;
}

export interface Acceptance {
  readonly accepted: LeaderClaim | null;
  /** Who is refused, in the order in which they first claimed. */
  refused(): readonly LeaderClaim[];
  /** Returns the verdict on it. */
  claimed(claim: LeaderClaim): AcceptanceVerdict;
  /** The node leads no more, or cannot say so. Returns verdicts for those who still claim, when another is accepted now. */
  gone(node: string): readonly AcceptanceVerdict[];
}

/** `former`: whom the CCM accepted before it was started again; it is waited for like one that is there. */
export function createAcceptance(former: LeaderClaim | null = null): Acceptance {
  let accepted = former;
  const refused = new Map<string, LeaderClaim>();

  return {
    get accepted() {
      return accepted;
    },
    refused: () => [...refused.values()],

    claimed(claim) {
      // Whatever the terms say: what the accepted one has under way is worth more than order among those who claim.
      if (accepted === null || accepted.leader === claim.leader) {
        refused.delete(claim.leader);
        accepted = claim;
      } else {
        refused.set(claim.leader, claim);
      }
      return { to: claim.leader, term: claim.term, accepted };
    },

    gone(node) {
      refused.delete(node);
      if (accepted?.leader !== node) return [];
      accepted = best([...refused.values()]);
      if (accepted === null) return [];
      const claims = [...refused.values()];
      refused.delete(accepted.leader);
      const now = accepted;
      return claims.map(({ leader, term }) => ({ to: leader, term, accepted: now }));
    },
  };
}

/** The highest term was elected last; among equals the smaller name, as everywhere. */
function best(claims: readonly LeaderClaim[]): LeaderClaim | null {
  return claims.reduce<LeaderClaim | null>((found, claim) => {
    if (found === null || claim.term > found.term) return claim;
    return claim.term === found.term && claim.leader < found.leader ? claim : found;
  }, null);
}
