// WebSocket close codes of the link (docs/spec/link.md, LINK-4). 4000–4999 are the application's own.

export const closeCodes = {
  /** The other side is shutting down; reconnect. */
  goingAway: 1001,
  /** A frame was above the limit (sent by ws itself). */
  tooLarge: 1009,
  /** The CCM can keep nothing now; reconnect. */
  tryAgainLater: 1013,
  messageInvalid: 4400,
  certificateInvalid: 4403,
  helloTimeout: 4408,
  /** The same node connected again; this connection is the older one. */
  replaced: 4409,
  protocolVersion: 4426,
  /** It says more than any honest agent would. */
  flood: 4429,
} as const;
