// MCTP as the agent's group-leader part uses it: sessions to send and to receive on one network interface. What is sent again, when and how fast
// is the machines' (src/protocol/mctp); who belongs to a session, and what the content means, is the agent's.

import type { Clock } from '../clock.ts';
import type { LocalInterface } from '../segment/channel/local-interfaces.ts';
import type { MctpNotice, Receiving, ReceivingOptions, Sending, SendingOptions } from './mctp-session.ts';

export interface MctpOptions {
  /** The segment station's, as it is now (`state().interface`); null while there is none. Asked again and again. */
  readonly interface: () => LocalInterface | null;
  /** The longest UDP payload that arrives (the self-test's `bytesMax`); null while it is not known. */
  readonly bytesMax: () => number | null;
  readonly clock: Clock;
  /** A fixed word and what it is about, as machines log. */
  readonly log: (event: string, data: Readonly<Record<string, string | number | boolean | null>>) => void;
  /** By the node's key, Ed25519; rarely. */
  readonly sign: (bytes: Buffer) => Buffer;
  /** The first of the 16 addresses, and the port, of the data channels. */
  readonly pool?: ChannelPool;
}

export interface ChannelPool {
  readonly first: string;
  readonly port: number;
}

export interface Mctp {
  /** Takes a data channel and prepares a session; nothing is sent before `start()`. Rejects when there is no interface, or the source is none that a session can carry. */
  send(options: SendingOptions): Promise<Sending>;
  /** Resolves as soon as the node hears the session's frames. Rejects when the group cannot be joined: then everything is fetched by unicast. */
  receive(notice: MctpNotice, options: ReceivingOptions): Promise<Receiving>;
  close(): Promise<void>;
}
