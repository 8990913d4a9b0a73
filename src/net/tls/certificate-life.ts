// How long certificates count. Apart from the authority that makes them, which agents do not load.

const dayMs = 86_400_000;
/** Certificates start this much early, so that a node with a slow clock accepts them. */
export const certificateEarlyMs = 7 * dayMs;
export const authorityLifeMs = 30 * 365 * dayMs;
/** KEYS-1: what a certificate lasts unless the CCM's configuration says otherwise. */
export const certificateLifeMsDefault = 90 * dayMs;
