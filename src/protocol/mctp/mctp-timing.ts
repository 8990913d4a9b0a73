// The figures that a session goes by. Nothing here is announced: sender and receivers have the same.

export interface MctpTiming {
  /** So long the first frame waits for receivers to join; an object in one block waits for nobody. */
  readonly joinMs: number;
  /** Who has not joined until then is absent. */
  readonly joinMaxMs: number;
  /** Answers of all are spread so that one comes in so much time. */
  readonly perStatusMs: number;
  /** Statuses that nobody asked for take this share of what is sent, those of all receivers together. */
  readonly statusShare: number;
  /** Two of one receiver are apart by no more. */
  readonly statusGapMaxMs: number;
  /** A receiver that hears nothing for so long says what it misses. */
  readonly quietMs: number;
  /** What was asked for, and did not come, is asked for again. */
  readonly retryMs: number;
  /** Whoever was asked has so long to answer; twice as long each time that somebody does not, up to the maximum. */
  readonly answerMs: number;
  readonly answerMaxMs: number;
  /** Above this share of the receivers one request goes to the group, else one to each. */
  readonly groupAboveShare: number;
  /** A sender that has nothing to send says so often that it is there. */
  readonly aliveMs: number;
  /** Who left so many requests in a row, and for so long, without an answer is silent. */
  readonly silentRounds: number;
  readonly silentMs: number;
  /** A receiver that hears nothing of its sender for so long ends. */
  readonly silenceMs: number;
  /** A receiver that is complete answers for so long after what it heard last. */
  readonly lingerMs: number;
  /** Who misses far more than the others for so long is handed to unicast. */
  readonly lossyMs: number;
  /** Passes in which what somebody misses does not become less (R7.3). */
  readonly passesMax: number;
  /** After so many requests the session ends in any case. */
  readonly roundsMax: number;
  /** Of a block so many times its frames are sent; who then misses some of it has it by unicast. */
  readonly blockRepeatsMax: number;
  /** Blocks that a receiver holds in memory: incomplete, or not yet verified. 16 MiB. */
  readonly heldBlocksMax: number;
  /** Blocks missed as a whole are sent again at once up to so many, and else when all others have been sent. */
  readonly burstBlocksMax: number;
  /** A sender ends when for so long no block became available, or its network was down. */
  readonly stallMs: number;
  readonly downMs: number;
  /** A list of digests is sent again at the earliest. */
  readonly digestsMs: number;
  /** A receiver that was the first to call so many blocks forged is not listened to any longer. */
  readonly forgedMax: number;
}

export const mctpTiming: MctpTiming = {
  joinMs: 150,
  joinMaxMs: 5000,
  perStatusMs: 0.1,
  statusShare: 0.01,
  statusGapMaxMs: 500,
  quietMs: 25,
  retryMs: 60,
  answerMs: 60,
  answerMaxMs: 500,
  groupAboveShare: 0.25,
  aliveMs: 2000,
  silentRounds: 12,
  silentMs: 3000,
  silenceMs: 15_000,
  lingerMs: 10_000,
  lossyMs: 500,
  passesMax: 10,
  roundsMax: 200,
  blockRepeatsMax: 16,
  heldBlocksMax: 128,
  burstBlocksMax: 8,
  stallMs: 600_000,
  downMs: 60_000,
  digestsMs: 200,
  forgedMax: 256,
};
