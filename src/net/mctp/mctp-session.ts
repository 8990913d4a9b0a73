// What MCTP and whoever uses it tell each other: what is sent, to whom, where it is put, and what happens meanwhile. The agent's part as group
// leader hands each receiver its notice over their mutual-TLS connection; nothing here opens one.

import { z } from 'zod';

/** Pieces of a manifest, and data blocks, are at most so long. */
export const blockBytesMax = 128 * 1024;
/** A longer manifest is fetched by HTTPS, and the session has data blocks alone. */
export const manifestPiecesMax = 16;
/** 4 GiB in blocks, twice over: an assignment's plain and sealed blocks, and the last of each region. */
export const blocksMax = 65_536;
export const receiversMax = 1_024;

const sha256 = z.hex().length(64);
/** 16 bytes. */
const key = z.base64().length(24);
const address = z.union([z.ipv4(), z.ipv6()]);
const port = z.int().min(1).max(65_535);

/**
 * Everything that a receiver has to know of a session, with its keys: it goes over TLS, to that receiver alone. JSON; parse it with this
 * schema where it arrives.
 */
export const mctpNoticeSchema = z.strictObject({
  version: z.literal(1),
  /** 8 random bytes. */
  session: z.hex().length(16),
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
  receivers: z.int().min(1).max(receiversMax),
  /** All receivers have it: whoever lacks it can put nothing into the session. */
  sessionKey: key,
  /** Of this receiver and the sender alone: nobody speaks for it. */
  pairKey: key,
  /** Of the manifest; none where it is fetched by other means, or held already by all. */
  pieces: z
    .array(z.strictObject({ bytes: z.int().min(1).max(blockBytesMax), sha256 }))
    .max(manifestPiecesMax),
  /** Lengths of the data blocks in their order, as runs of equal ones: so many, so long. */
  blocks: z
    .array(z.strictObject({ count: z.int().min(1).max(blocksMax), bytes: z.int().min(1).max(blockBytesMax) }))
    .max(8),
  /** Payload of a frame. */
  frameBytes: z.int().min(256).max(1_452),
  repair: z.enum(['arq', 'fec']),
});

export type MctpNotice = z.infer<typeof mctpNoticeSchema>;

/** What is sent. */
export interface BlockSource {
  /** Null: every receiver gets it by other means. At most `manifestPiecesMax` pieces. */
  readonly manifest: Buffer | null;
  /** As they travel, in their order. */
  readonly blockBytes: readonly number[];
  /** Is asked for one block after the other, some of them again. A rejection ends the session, and all are finished by unicast. */
  read(index: number): Promise<Buffer>;
  /** Resolves as soon as this block can be read; absent where all can. Asked in their order. */
  whenAvailable?(index: number): Promise<void>;
}

/** Where a receiver puts data blocks. */
export interface BlockSink {
  /** Data blocks that it lacks. */
  missing(): readonly number[];
  /** Whether these are the bytes that the signed manifest names. Synchronous, since the rest waits. */
  verify(index: number, bytes: Buffer): boolean;
  /** Is called with verified bytes alone, with several at a time, once for each block. They are its own until it resolves. A rejection (a full disk, say) ends the receiver's part. */
  write(index: number, bytes: Buffer): Promise<void>;
}

/** Why a receiver is finished by unicast: a word for the code, a sentence for people. */
export interface UnicastReason {
  readonly reason:
    | 'not-heard'
    | 'loss'
    | 'behind'
    | 'rate'
    | 'mtu'
    | 'bad-block'
    | 'sink'
    | 'send-failed'
    | 'left'
    | 'ended';
  readonly sentence: string;
}

export interface SendingState {
  readonly session: string;
  readonly group: string;
  readonly port: number;
  readonly repair: 'arq' | 'fec';
  readonly bytes: number;
  /** Blocks sent once, of all. */
  readonly blocksSent: number;
  readonly blocks: number;
  /** What the rate controller wants, and what was reached in the last second; bits each second, headers included. */
  readonly rateBits: number;
  readonly achievedBits: number;
  /** Frames sent again, and parity, as a share of all. */
  readonly repairShare: number;
  /** From the statuses; null before the first. */
  readonly loss: number | null;
  readonly sendErrors: number;
  readonly receivers: readonly {
    readonly node: string;
    readonly state: 'silent' | 'receiving' | 'complete' | 'unicast';
    readonly lacking: number | null;
  }[];
}

export type SendingEvent =
  | { readonly type: 'complete'; readonly node: string }
  /** What it lacks; null: not known, so everything that it does not hold. Multicast may go on, this receiver is not waited for. */
  | ({
      readonly type: 'unicast-wanted';
      readonly node: string;
      readonly lacking: readonly number[] | null;
    } & UnicastReason)
  /** So many are complete as the quorum asks for, delivery goes on. */
  | { readonly type: 'quorum'; readonly complete: number; readonly receivers: number }
  /** For the CCM. */
  | { readonly type: 'problem'; readonly sentence: string }
  /** The interface is down (frames wait), or up again. */
  | { readonly type: 'network'; readonly isUp: boolean; readonly sentence: string }
  /** All that had to be said is said; nothing is sent any more. */
  | { readonly type: 'ended'; readonly complete: readonly string[]; readonly unicast: readonly string[] };

export interface SendingOptions {
  readonly source: BlockSource;
  /** Nodes; more may come by `add`. */
  readonly receivers: readonly string[];
  /** So many of them are reported as enough. */
  readonly quorum?: number;
  readonly repair?: 'arq' | 'fec';
  /** A hard limit, asked for each second. */
  readonly rateBitsMax?: () => number;
  readonly onEvent: (event: SendingEvent) => void;
}

export interface Sending {
  readonly session: string;
  /** To be handed to that receiver over TLS; its answer should wait for `Mctp.receive`, so that it hears the first frame. */
  notice(node: string): MctpNotice;
  /** A receiver that came later, or is back. */
  add(node: string): MctpNotice;
  /** It needs nothing more of this session: it says that it holds all, or has gone. */
  complete(node: string): void;
  leave(node: string): void;
  /** Frames go out from now on. */
  start(): void;
  state(): SendingState;
  /** Ends at once; receivers are told. */
  stop(): Promise<void>;
}

export interface ReceivingState {
  readonly session: string;
  /** Data blocks written, and all that this node lacked at the start. */
  readonly written: number;
  readonly wanted: number;
  readonly frames: number;
  /** Frames that were dropped, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  /** What the system gave of what was asked for. */
  readonly receiveBufferBytes: number;
}

export type ReceivingEvent =
  | { readonly type: 'manifest' }
  /** Every block is written. */
  | { readonly type: 'complete' }
  /** The rest is to be fetched by unicast. */
  | ({ readonly type: 'unicast-wanted' } & UnicastReason)
  | { readonly type: 'network'; readonly isUp: boolean; readonly sentence: string };

export interface ReceivingOptions {
  /** Where this node holds the manifest already. */
  readonly manifest?: Buffer;
  /** Called once, with the whole manifest, whose pieces have the announced hashes; whoever is called verifies its signature. A rejection ends the receiver's part. */
  readonly openSink: (manifest: Buffer | null) => Promise<BlockSink>;
  /** Whether the sender's node key has signed this. */
  readonly verify: (bytes: Buffer, signature: Buffer) => boolean;
  readonly onEvent: (event: ReceivingEvent) => void;
}

export interface Receiving {
  readonly session: string;
  state(): ReceivingState;
  /** Leaves the group; the sender is told. Resolves when nothing is written any more. */
  stop(): Promise<void>;
}
