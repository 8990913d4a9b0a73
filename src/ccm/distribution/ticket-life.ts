// How long tickets and hand-outs are good for.

/** Long enough for the slowest fetch; a node that needs longer asks again by reconnecting. */
export const ticketLifeMs = 24 * 60 * 60_000;
