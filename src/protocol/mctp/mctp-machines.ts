// What goes into the machines of a session and what comes out: the sender's (mctp-sender.ts) and a receiver's (mctp-receiver.ts). Drivers and the
// simulator are written against this.

import type { Effect, Instant, Machine } from '../machine.ts';
import type {
  BlockRange,
  MctpEnd,
  MctpFetch,
  MctpFrame,
  MctpSenderMessage,
  MctpStatus,
  MctpStatusRequest,
} from './mctp-messages.ts';

export type MctpSenderInput =
  /** It has the announcement and the keys, and lacks these blocks; none: it holds everything. Said again when it has restarted. */
  | { readonly input: 'joined'; readonly node: string; readonly lacks: readonly BlockRange[] }
  /** It could not be told. It may still join. */
  | { readonly input: 'absent'; readonly node: string }
  /** The driver has authenticated it: it is `from` who says so. */
  | { readonly input: 'status'; readonly from: string; readonly status: MctpStatus }
  /** These blocks can be read from now on. */
  | { readonly input: 'available'; readonly blocks: BlockRange }
  /** Frames could not be sent, or went out late: the machine itself is too slow for the rate. */
  | { readonly input: 'overrun' }
  /** The interface is down, or up again. Nothing is sent meanwhile. */
  | { readonly input: 'network'; readonly up: boolean }
  /** Ends at once; who is not complete is handed to unicast. */
  | { readonly input: 'stop' };

export interface MctpOutcome {
  readonly complete: readonly string[];
  /** Handed over: they fetch by unicast what they lack. */
  readonly unicast: readonly string[];
  readonly failed: readonly { readonly node: string; readonly reason: string }[];
}

export type MctpSenderFact =
  | { readonly fact: 'complete'; readonly node: string }
  | { readonly fact: 'failed'; readonly node: string; readonly reason: string }
  /** It is to fetch these by unicast; null: all that it still lacks, and it takes part no more. It has been told so by a `fetch`, which may get lost. */
  | {
      readonly fact: 'unicast';
      readonly node: string;
      readonly blocks: readonly BlockRange[] | null;
      readonly why: UnicastReason;
    }
  /** A receiver had a wrong frame among those of this block: its digests are to be sent, signed, all parts. */
  | { readonly fact: 'digests'; readonly block: number }
  /** Enough are complete; delivery goes on. */
  | { readonly fact: 'quorum'; readonly complete: number }
  /** For so many passes what is missing did not become less, and there is no quorum. */
  | { readonly fact: 'problem'; readonly passes: number; readonly lagging: readonly string[] }
  /** Always the last, and always said. */
  | ({ readonly fact: 'ended' } & MctpOutcome);

/** `lossy`: it misses far more than the others. `alone`: blocks that nobody else lacks. `stuck`: it comes no nearer. `forging`: it calls too many blocks forged. */
export type UnicastReason =
  | 'lossy'
  | 'alone'
  | 'stuck'
  | 'silent'
  | 'absent'
  | 'gone'
  | 'forging'
  | 'stopped';

export type MctpSenderEffect = Effect<MctpSenderMessage, never, MctpSenderFact>;

export interface MctpSenderStatus {
  readonly blocks: number;
  /** Blocks sent once. */
  readonly sent: number;
  readonly frames: number;
  /** Of all frames, those that repaired. */
  readonly repairFrames: number;
  readonly bytesPerSecond: number;
  /** Measured loss, of the receivers' median. */
  readonly loss: number;
  readonly round: number;
  readonly receivers: readonly {
    readonly node: string;
    readonly state: ReceiverState;
    readonly loss: number;
  }[];
}

export type ReceiverState = 'invited' | 'absent' | 'receiving' | 'complete' | 'failed' | 'unicast';

export interface MctpSender extends Machine<MctpSenderInput, MctpSenderEffect> {
  /**
   * Frames to be sent now, in this order: as many as the rate allows, and as fit in `bytesMax` bytes, headers (`frameHeaderBytes`) included. Each is
   * counted as sent.
   */
  nextFrames(now: Instant, bytesMax: number): readonly MctpFrame[];
  /** Whether there is something to be sent: the driver asks for frames each pacing tick meanwhile. Asked after every input and timeout. */
  wantsToSend(): boolean;
  status(): MctpSenderStatus;
}

export type MctpReceiverInput =
  /** The driver has authenticated them; requests with the session's key, the others with the pair's. */
  | { readonly input: 'message'; readonly message: MctpStatusRequest | MctpFetch | MctpEnd }
  /** The assembled block has the hash that is signed, and is durable. Also for one that came another way. */
  | { readonly input: 'verified'; readonly block: number }
  /** The assembled block has not. Its frames are of no use. */
  | { readonly input: 'forged'; readonly block: number }
  /**
   * All digests of this block are there and their signature is good: the driver hands over no other frames of it from now on. `kept`: the sequences of
   * those that it held and keeps. Said once.
   */
  | { readonly input: 'digests'; readonly block: number; readonly kept: readonly number[] }
  /** It cannot take the object: no room, no write, or the announcement does not fit the manifest. Ends it. */
  | { readonly input: 'failed'; readonly reason: string };

export type MctpReceiverFact =
  /** Enough frames are there: to be joined or decoded, and answered by `verified` or `forged`. */
  | { readonly fact: 'assembled'; readonly block: number }
  /** Frames of this block are not kept any longer: for want of memory, or since it was forged. */
  | { readonly fact: 'dropped'; readonly block: number }
  /** To be fetched from the sender by unicast, and answered by `verified`; null: all that is missing, and the session is over. */
  | { readonly fact: 'fetch'; readonly blocks: readonly BlockRange[] | null }
  /** Everything is there, verified and durable. It goes on answering for a while. */
  | { readonly fact: 'complete' }
  /** As the driver said; it goes on answering for a while. */
  | { readonly fact: 'failed' }
  /** The last. `unicast`: what is missing is fetched. `abandoned`: the sender is not heard any more, or has ended. */
  | { readonly fact: 'ended'; readonly how: 'complete' | 'unicast' | 'failed' | 'abandoned' };

export type MctpReceiverEffect = Effect<MctpStatus, never, MctpReceiverFact>;

export interface MctpReceiver extends Machine<MctpReceiverInput, MctpReceiverEffect> {
  /** A frame whose MAC is good. True: its payload is to be kept, as one of its block's. */
  frame(now: Instant, frame: MctpFrame): boolean;
  /** How many blocks are still missing. */
  missing(): number;
}
