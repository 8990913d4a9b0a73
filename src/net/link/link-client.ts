// The agent's end of the link: keeps one WebSocket to the CCM, says hello on it, hands over what arrives in order,
// and reconnects by itself (LINK-2, LINK-5 to LINK-9). What messages mean is the caller's.

import type { Agent } from 'node:https';
import WebSocket, { type ClientOptions } from 'ws';
import type { AgentMessage, CcmMessage, Hello } from '../../model/messages.ts';
import { fromWireError, TreecastError, toWireError } from '../../model/treecast-error.ts';
import { createBackoff } from '../backoff.ts';
import type { Clock } from '../clock.ts';
import { ccmConnectionOptions, type TlsCredentials } from '../tls/tls-settings.ts';
import { ccmMessageSchema } from './ccm-message-schema.ts';
import { closeCodes } from './close-codes.ts';
import { ccmMessageBytesMax, pingIntervalMs, silentTicksMax } from './limits.ts';
import { parseJsonFrame, parseMessage } from './parse-message.ts';
import { createSilenceWatch } from './silence-watch.ts';

export type ReceivedMessage = Exclude<CcmMessage, { readonly type: 'refused' }>;

export type AgentReport = Exclude<AgentMessage, Hello>;

export interface LinkClient {
  /** False when there is no connection that a hello was sent on: the next hello will say it all (LINK-9). */
  send(message: AgentReport): boolean;
  /** Ends the connection and makes it anew, as after a cut: what is shown has changed. */
  reconnect(): void;
  close(): Promise<void>;
}

export interface LinkClientOptions {
  /** Origin of the agents' port, `https://host:port`. */
  readonly ccmUrl: string;
  /** Asked each time a connection is made. */
  readonly credentials: () => TlsCredentials;
  /** Asked each time a connection opens; what it says is the truth at that moment. */
  readonly hello: () => Hello;
  /** In the order of arrival; a welcome comes first on every connection. */
  readonly onMessage: (message: ReceivedMessage) => void;
  /** Each time a connection ends or cannot be made; trying again is under way. */
  readonly onDown: (error: TreecastError, retryMs: number) => void;
  /** Makes the connections; absent: Node.js does, directly. */
  readonly agent?: Agent;
  readonly clock: Clock;
  readonly random: () => number;
  readonly pingIntervalMs?: number;
}

const retryMinMs = 100;
const retryMaxMs = 5_000;

/** Starts connecting at once. */
export function createLinkClient(options: LinkClientOptions): LinkClient {
  const { clock } = options;
  const backoff = createBackoff({ minMs: retryMinMs, maxMs: retryMaxMs, random: options.random });
  const url = `${options.ccmUrl.replace(/^https:/, 'wss:')}/agent`;
  const tickMs = options.pingIntervalMs ?? pingIntervalMs;
  let socket: WebSocket | undefined;
  let helloSent = false;
  let closed = false;
  let cancelRetry: (() => void) | undefined;

  function connect(): void {
    cancelRetry = undefined;
    // ws types checkServerIdentity otherwise than tls, which it hands it to.
    const tls = ccmConnectionOptions(options.credentials()) as unknown as ClientOptions;
    const opened = new WebSocket(url, {
      ...tls,
      ...(options.agent === undefined ? {} : { agent: options.agent }),
      perMessageDeflate: false,
      maxPayload: ccmMessageBytesMax,
      handshakeTimeout: 10 * tickMs,
      followRedirects: false,
    });
    socket = opened;
    let welcomed = false;
    let failure: TreecastError | undefined;
    const watch = createSilenceWatch(silentTicksMax);
    let cancelTick: (() => void) | undefined;

    /** The CCM pings; this end only listens for it. */
    const tick = (): void => {
      if (watch.tick()) {
        failure = new TreecastError('CCM_UNREACHABLE', 'The CCM went silent.');
        opened.terminate();
      } else {
        cancelTick = clock.after(tickMs, tick);
      }
    };

    opened.on('open', () => {
      opened.send(JSON.stringify(options.hello()));
      helloSent = true;
      cancelTick = clock.after(tickMs, tick);
    });
    opened.on('ping', watch.heard);
    opened.on('message', (data, isBinary) => {
      watch.heard();
      if (closed || failure !== undefined) return;
      let message: CcmMessage;
      try {
        message = parseMessage(parseJsonFrame(data, isBinary), ccmMessageSchema);
        if (message.type !== 'refused' && !welcomed && message.type !== 'welcome') {
          throw new TreecastError('MESSAGE_INVALID', `The CCM sent ${message.type} before its welcome.`);
        }
      } catch (error) {
        failure = error as TreecastError;
        opened.close(closeCodes.messageInvalid, toWireError(error).code);
        return;
      }
      if (message.type === 'refused') {
        failure = fromWireError(message.error);
        opened.close();
        return;
      }
      welcomed = true;
      backoff.reset();
      try {
        options.onMessage(message);
      } catch (error) {
        if (!(error instanceof TreecastError)) throw error;
        failure = error;
        opened.close(closeCodes.messageInvalid, error.code);
      }
    });
    opened.on('error', (cause) => {
      failure ??= new TreecastError(
        'CCM_UNREACHABLE',
        `The CCM at ${options.ccmUrl} cannot be reached: ${cause.message}.`,
        { cause, fix: 'Check that the CCM runs and that its agents’ port can be reached from here.' },
      );
    });
    opened.on('close', (code, reason) => {
      cancelTick?.();
      helloSent = false;
      if (closed) return;
      const retryMs = waitAfter(code, failure);
      cancelRetry = clock.after(retryMs, connect);
      options.onDown(failure ?? closedBy(code, reason.toString('utf8')), retryMs);
    });
  }

  /** A refusal will not mend itself within the second, and two agents with one identity must not chase each other (LINK-8). */
  function waitAfter(code: number, failure: TreecastError | undefined): number {
    const refused = failure !== undefined && failure.code !== 'CCM_UNREACHABLE';
    return refused || code === closeCodes.replaced
      ? Math.round(retryMaxMs * (0.5 + options.random() / 2))
      : backoff.next();
  }

  async function endLast(): Promise<void> {
    const last = socket;
    if (last === undefined || last.readyState === WebSocket.CLOSED) return;
    const ended = new Promise<void>((resolve) => {
      last.once('close', () => resolve());
    });
    const cancel = clock.after(1_000, () => last.terminate());
    if (last.readyState === WebSocket.CONNECTING) last.terminate();
    else last.close(closeCodes.goingAway);
    await ended;
    cancel();
  }

  connect();
  return {
    send(message) {
      if (!helloSent || socket?.readyState !== WebSocket.OPEN) return false;
      socket.send(JSON.stringify(message));
      return true;
    },
    reconnect() {
      if (closed) return;
      backoff.reset();
      if (cancelRetry === undefined) {
        void endLast();
        return;
      }
      cancelRetry();
      connect();
    },
    async close() {
      closed = true;
      cancelRetry?.();
      await endLast();
    },
  };
}

function closedBy(code: number, reason: string): TreecastError {
  if (code === closeCodes.replaced) {
    return new TreecastError('CONFLICT', 'Another agent connected with this node’s identity.', {
      fix: 'Run one agent a node; a copied state directory needs a join of its own.',
    });
  }
  const words = reason === '' ? `code ${code}` : `code ${code}, ${reason}`;
  return new TreecastError('CCM_UNREACHABLE', `The CCM closed the connection (${words}).`);
}
