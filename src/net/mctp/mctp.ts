// MCTP as the agent's group-leader part uses it: sessions to send and to receive on one network interface. What is sent again, when and how fast
// is the machines' (src/protocol/mctp); who belongs to a session, and what the content means, is the agent's.

import { randomInt } from 'node:crypto';
import { framePayloadBytes } from '../../protocol/mctp/mctp-session.ts';
import { createMctpRate, type MctpRate } from '../../protocol/mctp/rate.ts';
import type { Clock } from '../clock.ts';
import type { LocalInterface } from '../segment/channel/local-interfaces.ts';
import { familyOf } from '../segment/channel/udp-sockets.ts';
import { defaultPools, freeChannel, poolAddress, poolSize } from './channel-pool.ts';
import { instant } from './machine-runner.ts';
import type { MctpNotice, Receiving, ReceivingOptions, Sending, SendingOptions } from './mctp-session.ts';
import { openReceiving } from './receiver/receiving.ts';
import { linkBytesPerSecond } from './sender/link-speed.ts';
import { openSending } from './sender/sending.ts';

export interface MctpOptions {
  /** This node's name. */
  readonly node: string;
  /** The segment station's, as it is now (`state().interface`); null while there is none. Asked again and again. */
  readonly interface: () => LocalInterface | null;
  /** The longest UDP payload that arrives (the self-test's `bytesMax`); null while it is not known. */
  readonly bytesMax: () => number | null;
  readonly clock: Clock;
  /** A fixed word and what it is about, as machines log. */
  readonly log: (event: string, data: Readonly<Record<string, string | number | boolean | null>>) => void;
  /** By the node's key, Ed25519; rarely. */
  readonly sign: (bytes: Buffer) => Buffer;
  /** What the link carries; when absent, what its interface says. */
  readonly linkBytesPerSecond?: number;
  /** The first of the 16 addresses, and the port, of the data channels. */
  readonly pool?: ChannelPool;
}

export interface ChannelPool {
  readonly first: string;
  readonly port: number;
}

export interface Mctp {
  /** Takes a data channel and prepares a session. Rejects when there is no interface, or the source is none that a session can carry: then unicast serves. */
  send(options: SendingOptions): Promise<Sending>;
  /** Resolves as soon as the node hears the session's frames. Rejects when the group cannot be joined: then everything is fetched by unicast. */
  receive(notice: MctpNotice, options: ReceivingOptions): Promise<Receiving>;
  /** Ends all sessions. */
  close(): Promise<void>;
}

/** What an Ethernet carries; a path with less is found by the self-test. */
const bytesMaxUnknown = { 4: 1_472, 6: 1_452 } as const;
const udpHeaderBytes = { 4: 28, 6: 48 } as const;

export function createMctp(options: MctpOptions): Mctp {
  const sendings = new Set<Sending>();
  /** One for each session, also while it is being opened. */
  const channels = new Set<{ readonly channel: number }>();
  const receivings = new Set<Receiving>();
  /** Sessions on one link share its rate. */
  let rate: MctpRate | undefined;

  return {
    async send(sending) {
      const local = options.interface();
      if (local === null) throw new Error('there is no network interface for multicast');
      const family = familyOf(local.address.split('%')[0] as string);
      const pool = options.pool ?? defaultPools[family];
      const link = options.linkBytesPerSecond ?? (await linkBytesPerSecond(local.name));
      if (channels.size === 0) rate = undefined;
      rate ??= createMctpRate({ now: instant(), linkBytesPerSecond: link });
      const used = [...channels].map(({ channel }) => channel);
      const own = { channel: freeChannel(used, randomInt(poolSize)) };
      channels.add(own);
      const bytesMax = options.bytesMax() ?? bytesMaxUnknown[family];
      let opened: Sending | undefined;
      try {
        opened = await openSending(
          {
            group: { address: poolAddress(pool, own.channel), port: pool.port },
            port: pool.port + 1,
            rate,
            framePayloadBytes: framePayloadBytes(
              bytesMax + udpHeaderBytes[family],
              family === 4 ? 'ipv4' : 'ipv6',
            ),
          },
          options,
          {
            ...sending,
            onEvent(event) {
              if (event.type === 'ended') {
                channels.delete(own);
                if (opened !== undefined) sendings.delete(opened);
              }
              sending.onEvent(event);
            },
          },
        );
      } catch (error) {
        channels.delete(own);
        throw error;
      }
      if (channels.has(own)) sendings.add(opened);
      return opened;
    },
    async receive(notice, receiving) {
      let tracked: Receiving | undefined;
      let hasEnded = false;
      const opened = await openReceiving(notice, options, {
        ...receiving,
        onEvent(event) {
          if (event.type === 'ended') {
            hasEnded = true;
            if (tracked !== undefined) receivings.delete(tracked);
          }
          receiving.onEvent(event);
        },
      });
      const kept: Receiving = {
        ...opened,
        // Of one that is stopped no end is told.
        async stop() {
          receivings.delete(kept);
          await opened.stop();
        },
      };
      tracked = kept;
      if (!hasEnded) receivings.add(kept);
      return kept;
    },
    async close() {
      await Promise.all([...sendings, ...receivings].map((session) => session.stop()));
    },
  };
}
