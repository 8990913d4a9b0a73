// One agent's WebSocket on the CCM's side: waits for its hello, parses what follows, hands it over in order,
// and closes with a code what breaks the rules (LINK-2 to LINK-6).

import type { WebSocket } from 'ws';
import type { AgentMessage, Hello } from '../../model/messages.ts';
import { TreecastError, toWireError } from '../../model/treecast-error.ts';
import type { Clock } from '../../net/clock.ts';
import { agentMessageSchema } from '../../net/link/agent-message-schema.ts';
import { closeCodes } from '../../net/link/close-codes.ts';
import { helloTimeoutMs, silentTicksMax, unsentBytesMax } from '../../net/link/limits.ts';
import { createMessageBudget } from '../../net/link/message-budget.ts';
import { negotiateProtocol } from '../../net/link/negotiate-protocol.ts';
import { parseJsonFrame, parseMessage } from '../../net/link/parse-message.ts';
import { createSilenceWatch } from '../../net/link/silence-watch.ts';

/** A peer that was refused and does not close by then is cut off. */
const refusalGraceMs = 1_000;
/** A node that is refused with one of these must not be here. */
export const certificateCodes: ReadonlySet<string> = new Set([
  'CERTIFICATE_INVALID',
  'CERTIFICATE_EXPIRED',
  'NODE_REMOVED',
]);

export type AgentReport = Exclude<AgentMessage, Hello>;

export interface AgentConnection {
  readonly id: string;
  readonly node: string;
  /** It is a socket of the node's own. */
  readonly behind: null;
  /** As its hello says; none before it. */
  readonly profiles: readonly string[];
  /** Milliseconds to the peer and back, as its answers to pings say, smoothed; null: not known yet. */
  readonly delayMs: number | null;
  /** One message as JSON text in UTF-8. */
  send(frame: Buffer): void;
  /** LINK-31: so much of what it said is another node's to pay. */
  credit(bytes: number): void;
  /** What it said costs so much more; what is too much shows with its next word. */
  charge(bytes: number): void;
  /** Pings; cuts the connection off when it was silent for too long (LINK-6). */
  tick(): void;
  close(code: number, reason: string): void;
  /** Says why, closes, and listens no more: nothing that is on its way counts. Cut off when the peer does not close. */
  refuse(error: TreecastError): void;
  terminate(): void;
}

export interface AgentConnectionOptions {
  readonly id: string;
  readonly node: string;
  readonly socket: WebSocket;
  readonly clock: Clock;
  readonly onHello: (hello: Hello, protocol: number) => void;
  readonly onReport: (report: AgentReport) => void;
  /** Once, whoever closed it; also when there was no hello. */
  readonly onClosed: () => void;
  readonly onRefused: (error: TreecastError) => void;
}

const unansweredBytesMax = 65_536;
/** How fast a delay that grew is believed; one that is smaller is at once: whatever holds up an answer makes it later, never earlier. */
const delayWeight = 0.1;

export function createAgentConnection(options: AgentConnectionOptions): AgentConnection {
  const { id, node, socket } = options;
  const watch = createSilenceWatch(silentTicksMax);
  const budget = createMessageBudget(options.clock.now);
  let greeted = false;
  let profiles: readonly string[] = [];
  let refused = false;
  let pingedAt: number | undefined;
  let delayMs: number | null = null;

  let cancelCut: (() => void) | undefined;

  function refuse(error: TreecastError, code = closeCodeOf(error)): void {
    if (refused) return;
    refused = true;
    options.onRefused(error);
    socket.send(JSON.stringify({ type: 'refused', error: toWireError(error) }));
    socket.close(code, error.code);
    cancelCut = options.clock.after(refusalGraceMs, () => socket.terminate());
  }

  const cancelDeadline = options.clock.after(helloTimeoutMs, () =>
    refuse(new TreecastError('MESSAGE_INVALID', 'No hello arrived in time.'), closeCodes.helloTimeout),
  );

  /** LINK-31: also pings and pongs cost something. */
  function requireBudget(bytes: number): void {
    if (budget.spend(bytes)) return;
    throw new TreecastError('RATE_LIMITED', 'The agent sends more than can be honest.', {
      fix: 'Look at the agent on this node; upgrade it.',
    });
  }

  function onControl(data: Buffer): boolean {
    watch.heard();
    if (refused) return false;
    try {
      requireBudget(data.length);
      return true;
    } catch (error) {
      refuse(error as TreecastError, closeCodes.flood);
      return false;
    }
  }

  socket.on('message', (data, isBinary) => {
    watch.heard();
    if (refused) return;
    try {
      requireBudget((data as Buffer).length);
      const value = parseJsonFrame(data, isBinary);
      if (greeted) {
        options.onReport(parseReport(value));
        return;
      }
      const { hello, protocol } = negotiateProtocol(value);
      if (hello.node !== node) {
        throw new TreecastError(
          'CERTIFICATE_INVALID',
          `The hello names ${hello.node}, the certificate ${node}.`,
          { fix: 'Give the agent the name it joined with, or join again.' },
        );
      }
      greeted = true;
      profiles = hello.profiles;
      cancelDeadline();
      options.onHello(hello, protocol);
    } catch (error) {
      if (!(error instanceof TreecastError)) throw error;
      refuse(error);
    }
  });
  function measure(): void {
    if (pingedAt === undefined) return;
    const took = performance.now() - pingedAt;
    pingedAt = undefined;
    delayMs = delayMs === null || took < delayMs ? took : delayMs + (took - delayMs) * delayWeight;
  }

  socket.on('pong', (data) => {
    if (onControl(data)) measure();
  });
  socket.on('ping', (data) => {
    // LINK-11: who does not read gets no answers piled up for it.
    if (onControl(data) && socket.bufferedAmount < unansweredBytesMax) socket.pong(data);
  });
  socket.on('error', () => {
    // 'close' follows: ws has chosen the code (1009 for a frame above the limit).
  });
  socket.on('close', () => {
    cancelDeadline();
    cancelCut?.();
    options.onClosed();
  });

  return {
    id,
    node,
    behind: null,
    get profiles() {
      return profiles;
    },
    get delayMs() {
      return delayMs;
    },
    credit: budget.giveBack,
    charge: (bytes) => void budget.spend(bytes),
    send(frame) {
      if (refused || socket.readyState !== socket.OPEN) return;
      // LINK-11: a peer that does not read is cut off; it will say hello again.
      if (socket.bufferedAmount > unsentBytesMax) socket.terminate();
      else socket.send(frame, { binary: false });
    },
    tick() {
      if (watch.tick() || socket.bufferedAmount > unsentBytesMax) socket.terminate();
      else if (socket.readyState === socket.OPEN) {
        pingedAt ??= performance.now();
        socket.ping();
      }
    },
    close(code, reason) {
      refused = true;
      socket.close(code, reason);
    },
    refuse: (error) => refuse(error),
    terminate: () => socket.terminate(),
  };
}

function parseReport(value: unknown): AgentReport {
  const message = parseMessage(value, agentMessageSchema);
  if (message.type === 'hello') {
    throw new TreecastError('MESSAGE_INVALID', 'A second hello arrived on one connection.');
  }
  return message;
}

function closeCodeOf(error: TreecastError): number {
  if (error.code === 'PROTOCOL_VERSION') return closeCodes.protocolVersion;
  if (error.code === 'DATABASE_UNAVAILABLE') return closeCodes.tryAgainLater;
  if (error.code === 'RATE_LIMITED') return closeCodes.flood;
  return certificateCodes.has(error.code) ? closeCodes.certificateInvalid : closeCodes.messageInvalid;
}
