// The figures that both machines of the tree go by (docs/spec/tree.md). Nothing here is announced.

export const treeTiming = {
  /** A leader that expects a hand-out and has none says so after this time, and again after twice that, up to the maximum. */
  expectMs: 15_000,
  /** Whoever asked for the next has an answer by then, or asks again. */
  answerMs: 10_000,
  /** Who said that a source is lost has another by then, or says it again. */
  sourceMs: 10_000,
  /** Nothing came for so long from a source that lives and has no more: it lacks what it should have. The driver's. */
  starveMs: 30_000,
  /** One that was notified begins to fetch by then, or its place is free again. */
  beginMs: 15_000,
  /** Who was handed out to gives a sign by then, or hears it over its own link; twice as long each time, up to the maximum. */
  signMs: 5_000,
  repeatMaxMs: 60_000,
  /** Whoever brings a hand-out again and again is answered so seldom. */
  againMs: 1_000,
  /** Nobody was handed out to for so long although somebody waits: the CCM does it by itself. */
  stallMs: 3_000,
  /** For whom no source was found, another attempt follows after this time. */
  restMs: 1_000,
} as const;
