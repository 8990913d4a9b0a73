// What MCTP and whoever uses it tell each other: what is sent, to whom, where it is put, and what happens meanwhile. The agent's part as group
// leader hands each receiver its notice over their mutual-TLS connection; nothing here opens one.

import { z } from 'zod';
import type { MctpSenderStatus, UnicastReason } from '../../protocol/mctp/mctp-machines.ts';
import type { BlockRange } from '../../protocol/mctp/mctp-messages.ts';
import { manifestBlocksMax } from '../../protocol/mctp/mctp-session.ts';

const receiversMax = 1_024;
const u32 = z.int().min(0).max(0xffff_ffff);
/** 16 bytes. */
const key = z.base64().length(24);
const address = z.union([z.ipv4(), z.ipv6()]);
const port = z.int().min(1).max(65_535);

/** Of the machines' shape; `sessionProblem` says the rest. */
const announcementSchema = z.strictObject({
  session: u32,
  sender: z.string().min(1).max(253),
  assignment: z.string().min(1).max(128),
  repair: z.enum(['arq', 'fec']),
  framePayloadBytes: z.int(),
  manifestBytes: z.int(),
  sealedBytes: z.int(),
  plainBytes: z.int(),
  manifestHashes: z.array(z.hex().length(64)).max(manifestBlocksMax),
  receivers: z.int().min(1).max(receiversMax),
});

/**
 * Everything that a receiver has to know of a session, with its keys: it goes over TLS, to that receiver alone. JSON; parse it with this
 * schema where it arrives. Its answer is a {@link MctpJoin}, made by `Receiving.lacks`.
 */
export const mctpNoticeSchema = z.strictObject({
  version: z.literal(1),
  announcement: announcementSchema,
  /** The data channel: where the frames go. */
  group: address,
  port,
  /** Where statuses go. */
  sender: z.strictObject({ address, port }),
  /** This receiver's number in the session, which its statuses carry. */
  receiver: z
    .int()
    .min(0)
    .max(receiversMax - 1),
  /** All receivers have it: whoever lacks it can put nothing into the session. */
  sessionKey: key,
  /** Of this receiver and the sender alone: nobody speaks for it. */
  pairKey: key,
});

export type MctpNotice = z.infer<typeof mctpNoticeSchema>;

/** What a receiver answers to a notice: the blocks that it lacks, the manifest's first; none: it holds all. */
export const mctpJoinSchema = z.strictObject({
  lacks: z.array(z.strictObject({ from: u32, to: u32 })).max(10_000),
});

/** What is sent: an object of up to `manifestBlocksMax` blocks of manifest, and the assignment's data file, sealed blocks first. */
export interface BlockSource {
  /** The assignment's id. */
  readonly assignment: string;
  /** Null: every receiver gets it by other means, as it must where it is longer than `manifestBlocksMax` blocks. */
  readonly manifest: Buffer | null;
  /** Bytes of the two regions as they travel, tags included. */
  readonly sealedBytes: number;
  readonly plainBytes: number;
  /** A data block as it travels, by its index in the data file. Is asked for several at a time, and for some again. A rejection ends the session, and all are finished by unicast. */
  read(index: number): Promise<Buffer>;
  /** How many data blocks can be read from the start on, when it is not yet all of them; see `Sending.available`. */
  readonly available?: number;
}

/** Where a receiver puts data blocks. */
export interface BlockSink {
  /** Data blocks that it lacks, by their index in the data file. */
  missing(): readonly number[];
  /** Whether these are the bytes that the signed manifest names. Synchronous: the next frames wait. */
  verify(index: number, bytes: Buffer): boolean;
  /**
   * Is called with verified bytes alone, with several blocks at a time, once for each; they are not touched until it resolves. Resolves when the
   * block is where it is to be after a restart. A rejection (a full disk, say) ends the receiver's part.
   */
  write(index: number, bytes: Buffer): Promise<void>;
}

export interface SendingState extends MctpSenderStatus {
  readonly session: number;
  readonly assignment: string;
  readonly group: string;
  readonly port: number;
  readonly isUp: boolean;
  /** What was sent, in bytes of UDP payload: headers, repair and parity included; what the system refused; and what the last second reached. */
  readonly sentBytes: number;
  readonly sendErrors: number;
  readonly achievedBytesPerSecond: number;
  readonly dropped: Readonly<Record<string, number>>;
}

export type SendingEvent =
  | { readonly type: 'complete'; readonly node: string }
  /** It takes nothing more: its disk is full, say. */
  | { readonly type: 'failed'; readonly node: string; readonly reason: string }
  /**
   * It is to fetch these blocks (of the session's index space: the manifest's first) by unicast; null: all that it lacks, and it takes part no more. It has been told
   * so by a datagram, which may get lost. `sentence` says why, for people.
   */
  | {
      readonly type: 'unicast';
      readonly node: string;
      readonly blocks: readonly BlockRange[] | null;
      readonly why: UnicastReason;
      readonly sentence: string;
    }
  /** So many are complete as the quorum asks for; delivery goes on. */
  | { readonly type: 'quorum'; readonly complete: number }
  /** For the CCM. */
  | { readonly type: 'problem'; readonly lagging: readonly string[]; readonly sentence: string }
  /** The interface is down and frames wait, or it is up again. */
  | { readonly type: 'network'; readonly isUp: boolean; readonly sentence: string }
  /** The last one, and always said; nothing is sent any more. `error`: what ended it before its time. */
  | {
      readonly type: 'ended';
      readonly complete: readonly string[];
      readonly unicast: readonly string[];
      readonly failed: readonly string[];
      readonly error: string | null;
    };

export interface SendingOptions {
  readonly source: BlockSource;
  /** All nodes for whom it is; those that come late are among them. */
  readonly receivers: readonly string[];
  /** Such a share of them is reported as enough; all, when absent. */
  readonly quorum?: number;
  readonly repair?: 'arq' | 'fec';
  /** A hard limit of what the session sends, all included. */
  readonly bytesPerSecondMax?: number;
  readonly onEvent: (event: SendingEvent) => void;
}

export interface Sending {
  readonly session: number;
  /**
   * To be handed to that receiver over TLS, again when it is back after a restart: each call makes a key of its own, and the last one counts.
   */
  notice(node: string): MctpNotice;
  /** What it answered: frames go out as soon as the machine has heard of enough of them. */
  joined(node: string, lacks: readonly BlockRange[]): void;
  /** It could not be told. */
  absent(node: string): void;
  /** Data blocks below this one can be read from now on. */
  available(count: number): void;
  /** What it may send at most from now on, all included; null: no limit. */
  limit(bytesPerSecond: number | null): void;
  state(): SendingState;
  /** Ends at once; who is not complete is handed to unicast. Resolves after `ended`. */
  stop(): Promise<void>;
}

export interface ReceivingState {
  readonly session: number;
  /** Blocks still missing, the manifest's included. */
  readonly missing: number;
  /** Frames that were believed, and datagrams dropped by reason. */
  readonly frames: number;
  readonly dropped: Readonly<Record<string, number>>;
  /** What the system gave of eight megabytes. */
  readonly receiveBufferBytes: number;
  readonly isUp: boolean;
}

export type ReceivingEvent =
  /** Every block is written. The session goes on a little, so that the sender hears of it. */
  | { readonly type: 'complete' }
  /** This node can take nothing more: the sink's words, or those of whoever opened it. */
  | { readonly type: 'failed'; readonly sentence: string }
  /** To be fetched from the leader by unicast, in the session's index space; null: all that is missing, and the session is over for this node. */
  | { readonly type: 'fetch'; readonly blocks: readonly BlockRange[] | null }
  | { readonly type: 'network'; readonly isUp: boolean; readonly sentence: string }
  /** The last, and always said but when `stop` was called. `unicast`: what is missing is fetched. `abandoned`: the sender is not heard any more, so that is fetched, too. */
  | { readonly type: 'ended'; readonly how: 'complete' | 'unicast' | 'failed' | 'abandoned' };

export interface ReceivingOptions {
  /** Where this node holds the manifest already. */
  readonly manifest: Buffer | null;
  /**
   * Called once, with the whole manifest, whose blocks have the announced hashes; whoever is called verifies its signature and that the announcement's sizes
   * are its own. A rejection ends the receiver's part.
   */
  readonly openSink: (manifest: Buffer) => Promise<BlockSink>;
  /** Whether the sender's node key has signed this; for the digests of a forged block. */
  readonly verify: (bytes: Buffer, signature: Buffer) => boolean;
  readonly onEvent: (event: ReceivingEvent) => void;
}

export interface Receiving {
  readonly session: number;
  /** The answer to the notice. */
  readonly lacks: readonly BlockRange[];
  /** This data block came another way, and is written. */
  written(index: number): void;
  state(): ReceivingState;
  /** Leaves the session; the sender is told. Resolves when nothing is written any more. */
  stop(): Promise<void>;
}
