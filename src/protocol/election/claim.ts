// What competes in an election. A node makes one claim a term; its LC and LA of that term carry it unchanged.

export interface Claim {
  readonly term: number;
  readonly priority: number;
  readonly node: string;
}

/** What a node has written down, and never forgets: the newest term it took part in, and whom it stood for there. */
export interface Ballot {
  readonly term: number;
  /** Itself when it claimed, else whom it conceded to or followed; null: nobody yet. */
  readonly vote: string | null;
}

export const emptyBallot: Ballot = { term: 0, vote: null };
