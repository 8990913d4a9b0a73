// Bounds of the link (docs/spec/link.md). Both sides use the same.

/** A hello of a thousand sites is half of this. */
export const agentMessageBytesMax = 1_048_576;
/** A welcome of a thousand grants is a quarter of this; an inline assignment is 88 kB. */
export const ccmMessageBytesMax = 4_194_304;
/** A peer that leaves this much unread is cut off. */
export const unsentBytesMax = 16_777_216;
export const sitesMax = 1_000;
/** Keys of a site that a node is given: the one that seals, and the last ones before it. */
export const contentKeysMax = 16;
export const helloTimeoutMs = 5_000;
export const pingIntervalMs = 1_000;
/** Pings without a sign of life, counted in the counter's own ticks, so that its own pauses do not count. */
export const silentTicksMax = 3;
/** The newest; more than these were removed in no fleet. */
export const revocationsMax = 10_000;
