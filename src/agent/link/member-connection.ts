// A node's connection with its segment's leader (LEAD-51): a WebSocket over mutual TLS on which the leader's name is checked, and which is watched.
// What is said over it is its user's.

import type { KeyObject } from 'node:crypto';
import { connect, type TLSSocket } from 'node:tls';
import WebSocket, { type ClientOptions } from 'ws';
import { TreecastError } from '../../model/treecast-error.ts';
import type { Clock } from '../../net/clock.ts';
import { closeCodes } from '../../net/link/close-codes.ts';
import { ccmMessageBytesMax, pingIntervalMs, silentTicksMax, unsentBytesMax } from '../../net/link/limits.ts';
import { createMessageBudget } from '../../net/link/message-budget.ts';
import { parseJsonFrame, parseMessage } from '../../net/link/parse-message.ts';
import { createSilenceWatch } from '../../net/link/silence-watch.ts';
import { type LeaderToMember, memberPath } from '../../net/relay/member-messages.ts';
import { leaderToMemberSchema } from '../../net/relay/member-schemas.ts';
import { nodeConnectionOptions, type TlsCredentials } from '../../net/tls/tls-settings.ts';
import type { LeaderPlace } from './way-chooser.ts';

export interface MemberConnection {
  /** JSON of a `MemberToLeader`. */
  send(text: string): void;
  /** The leader's node key, by its certificate; undefined once the connection has ended. */
  leaderKey(): KeyObject | undefined;
  /** Nothing is told of it any more. */
  close(): void;
}

export interface MemberConnectionOptions {
  readonly leader: LeaderPlace;
  readonly credentials: TlsCredentials;
  readonly onMessage: (message: LeaderToMember) => void;
  /** Once, unless it was closed from here. */
  readonly onDown: (error: TreecastError) => void;
  readonly clock: Clock;
  readonly pingIntervalMs?: number;
  readonly handshakeTimeoutMs?: number;
}

/** Less than an attempt may take, so that it is said why that one failed. */
const handshakeTimeoutDefaultMs = 8_000;

export function createMemberConnection(options: MemberConnectionOptions): MemberConnection {
  const { leader, clock, handshakeTimeoutMs = handshakeTimeoutDefaultMs } = options;
  const { node, address, port } = leader;
  const tickMs = options.pingIntervalMs ?? pingIntervalMs;
  const watch = createSilenceWatch(silentTicksMax);
  const budget = createMessageBudget(clock.now);
  let cancelTick: (() => void) | undefined;
  let isClosed = false;
  let failure: TreecastError | undefined;
  const tls = { ...nodeConnectionOptions(options.credentials, node), host: address, port, servername: '' };
  // An address with a zone is no host of a URL.
  let secured: TLSSocket | undefined;
  let leaderKey: KeyObject | undefined;
  const createConnection = (() => {
    // The socket's own clock: that of the request looks at it only. Behind the handshake it is off.
    secured = connect({ ...tls, timeout: handshakeTimeoutMs });
    return secured;
  }) as unknown as NonNullable<ClientOptions['createConnection']>;
  const socket = new WebSocket(`wss://leader${memberPath}`, {
    createConnection,
    perMessageDeflate: false,
    maxPayload: ccmMessageBytesMax,
    handshakeTimeout: handshakeTimeoutMs,
    followRedirects: false,
  });

  /** The leader pings; this end only listens for it. */
  function tick(): void {
    if (watch.tick()) {
      failure = new TreecastError('CCM_UNREACHABLE', `The leader ${node} went silent.`);
      socket.terminate();
      return;
    }
    cancelTick = clock.after(tickMs, tick);
  }

  socket.on('open', () => {
    cancelTick = clock.after(tickMs, tick);
  });
  socket.on('ping', watch.heard);
  socket.on('message', (data, isBinary) => {
    watch.heard();
    if (isClosed || failure !== undefined) return;
    // As many messages as on a link (LINK-31), whatever their length: each may be work for a site.
    if (!budget.spend(0)) {
      failure = new TreecastError('RATE_LIMITED', `The leader ${node} says more than can be honest.`, {
        fix: 'Look at the agent on that node; upgrade it.',
      });
      socket.terminate();
      return;
    }
    try {
      options.onMessage(parseMessage(parseJsonFrame(data, isBinary), leaderToMemberSchema));
    } catch (error) {
      if (!(error instanceof TreecastError)) throw error;
      failure = error;
      socket.close(closeCodes.messageInvalid, error.code);
    }
  });
  socket.on('error', (cause) => {
    failure ??= new TreecastError(
      'CCM_UNREACHABLE',
      `The leader ${node} cannot be reached at ${address}:${port}: ${cause.message}.`,
      { cause, fix: 'Check that TCP on the ports of the control channel is let through between the nodes.' },
    );
  });
  socket.on('close', (code) => {
    cancelTick?.();
    if (isClosed) return;
    isClosed = true;
    options.onDown(
      failure ?? new TreecastError('CCM_UNREACHABLE', `The leader ${node} closed the connection (${code}).`),
    );
  });

  return {
    send(text) {
      if (socket.readyState !== WebSocket.OPEN) return;
      socket.send(text);
      if (socket.bufferedAmount > unsentBytesMax) socket.terminate();
    },
    leaderKey() {
      // Node.js hands a client its peer's certificate out once.
      leaderKey ??= secured?.getPeerX509Certificate()?.publicKey;
      return isClosed ? undefined : leaderKey;
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      cancelTick?.();
      if (socket.readyState === WebSocket.CONNECTING) socket.terminate();
      else {
        socket.close(closeCodes.goingAway);
        const cancel = clock.after(1_000, () => socket.terminate());
        socket.once('close', cancel);
      }
    },
  };
}
