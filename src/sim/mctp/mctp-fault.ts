// What can happen to a simulated session, as data: drawn from a seed, printed, and carried out by mctp-run.ts.

/** Receivers are numbers from 0. */
export type MctpFault = {
  readonly at: number;
} /** It hears nothing for a while, as from a full switch. */ & (
  | { readonly kind: 'burst'; readonly node: number; readonly forMs: number }
  /** Half of all that it hears is lost, from the start. */
  | { readonly kind: 'lossy'; readonly node: number }
  | { readonly kind: 'late'; readonly node: number }
  /** It is never told of the session. */
  | { readonly kind: 'absent'; readonly node: number }
  /** It does nothing, and what waits beyond its buffer is lost; null: for ever. */
  | { readonly kind: 'pause'; readonly node: number; readonly forMs: number | null }
  | { readonly kind: 'crash'; readonly node: number; readonly downMs: number | null }
  /** Its disk is full from now on. */
  | { readonly kind: 'disk'; readonly node: number }
  /** Frames to the group do not reach it any more, the rest does. */
  | { readonly kind: 'deaf'; readonly node: number }
  /** Frames of an earlier session, with its key. */
  | { readonly kind: 'old-frames'; readonly frames: number }
  /** Forged frames without the key. */
  | { readonly kind: 'outsider'; readonly forMs: number }
  /** Forged frames and requests with the key; `wild`: also with numbers that make no sense. */
  | { readonly kind: 'rogue'; readonly forMs: number; readonly wild: boolean }
  /** The sender's interface. */
  | { readonly kind: 'down'; readonly forMs: number }
  | { readonly kind: 'sender-pause'; readonly forMs: number }
  /** The sender dies; after a while another session carries on with what the members hold. */
  | { readonly kind: 'sender-restart'; readonly downMs: number }
  /** Blocks from this one on can be read only now; null: never. */
  | { readonly kind: 'stall'; readonly from: number; readonly forMs: number | null }
  /** The announcement is wrong from the start. */
  | { readonly kind: 'wrong-hash' }
  | { readonly kind: 'wrong-size' }
);

export type MctpFaultKind = MctpFault['kind'];
