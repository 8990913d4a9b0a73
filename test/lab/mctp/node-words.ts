// What a process that runs one MCTP session and its test or bench tell each other over the channel between parent and child: the part of the TLS connection
// between leader and member.

import type {
  MctpNotice,
  ReceivingEvent,
  ReceivingState,
  SendingEvent,
  SendingState,
} from '../../../src/net/mctp/mctp-session.ts';
import type { BlockRange } from '../../../src/protocol/mctp/mctp-messages.ts';

import type { RogueOptions } from './rogue.ts';

export interface SendOrder {
  readonly order: 'send';
  readonly node: string;
  readonly address: string;
  /** The data file, and the manifest: the SHA-256 of each of its blocks. */
  readonly dataFile: string;
  readonly manifestFile: string;
  readonly receivers: readonly string[];
  readonly repair: 'arq' | 'fec';
  readonly privateKey: string;
  readonly bytesPerSecondMax: number | null;
  readonly linkBytesPerSecond: number | null;
}

export interface ReceiveOrder {
  readonly order: 'receive';
  readonly node: string;
  readonly address: string;
  readonly notice: MctpNotice;
  /** Where the data file is written; what it holds already is looked at. */
  readonly dataFile: string;
  readonly publicKey: string;
  /** Where blocks are fetched by unicast. */
  readonly fetchFrom: string;
}

export type Order =
  | SendOrder
  | ReceiveOrder
  | { readonly order: 'joined'; readonly node: string; readonly lacks: readonly BlockRange[] }
  | { readonly order: 'absent'; readonly node: string }
  /** A new one, for a node that is back. */
  | { readonly order: 'notice'; readonly node: string }
  /** Forges frames of the session. */
  | ({ readonly order: 'forge' } & RogueOptions)
  | { readonly order: 'state' }
  | { readonly order: 'stop' };

export type Word =
  | { readonly word: 'ready' }
  | { readonly word: 'forged' }
  | { readonly word: 'sending'; readonly fetchFrom: string }
  | { readonly word: 'notice'; readonly node: string; readonly notice: MctpNotice }
  | { readonly word: 'joined'; readonly lacks: readonly BlockRange[] }
  | { readonly word: 'refused'; readonly sentence: string }
  | { readonly word: 'sending-event'; readonly event: SendingEvent }
  | { readonly word: 'receiving-event'; readonly event: ReceivingEvent }
  /** All that this receiver fetched by unicast is written as well. */
  | { readonly word: 'fetched'; readonly blocks: number }
  | {
      readonly word: 'state';
      readonly sending: SendingState | null;
      readonly receiving: ReceivingState | null;
      readonly cpuMs: number;
      /** The most of the process's life. */
      readonly rssBytes: number;
    };
