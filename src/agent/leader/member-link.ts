// One member's connection on the leader's side (LEAD-24): parses what it says, hands it over in order, and closes with a code what breaks the rules.

import type { WebSocket } from 'ws';
import { TreecastError } from '../../model/treecast-error.ts';
import type { Clock } from '../../net/clock.ts';
import { closeCodes } from '../../net/link/close-codes.ts';
import { silentTicksMax, unsentBytesMax } from '../../net/link/limits.ts';
import { createMessageBudget } from '../../net/link/message-budget.ts';
import { parseJsonFrame, parseMessage } from '../../net/link/parse-message.ts';
import { createSilenceWatch } from '../../net/link/silence-watch.ts';
import type { LeaderToMember, MemberToLeader } from '../../net/relay/member-messages.ts';
import { memberToLeaderSchema } from '../../net/relay/member-schemas.ts';
import type { NodePeer } from './segment-port.ts';

export interface MemberLink extends NodePeer {
  send(message: LeaderToMember): void;
  /** One message as JSON text, for many. */
  sendFrame(frame: Buffer): void;
  /** Pings; cuts the connection off when it was silent for too long. */
  tick(): void;
  /** Listens no more, and says why. Cut off when the other side does not close. */
  close(code: number, reason: string): void;
}

export interface MemberLinkOptions {
  readonly socket: WebSocket;
  readonly peer: NodePeer;
  readonly clock: Clock;
  /** What it throws (TreecastError) closes the connection. */
  readonly onMessage: (message: MemberToLeader) => void;
  /** Once, whoever closed it. */
  readonly onClosed: () => void;
  readonly onRefused: (error: TreecastError) => void;
}

const unansweredBytesMax = 65_536;
const closeGraceMs = 1_000;

export function createMemberLink({ socket, peer, clock, ...options }: MemberLinkOptions): MemberLink {
  const watch = createSilenceWatch(silentTicksMax);
  const budget = createMessageBudget(clock.now);
  let isClosing = false;
  let cancelCut: (() => void) | undefined;

  function close(code: number, reason: string): void {
    if (isClosing) return;
    isClosing = true;
    socket.close(code, reason);
    cancelCut = clock.after(closeGraceMs, () => socket.terminate());
  }

  function refuse(error: TreecastError): void {
    if (isClosing) return;
    options.onRefused(error);
    close(error.code === 'RATE_LIMITED' ? closeCodes.flood : closeCodes.messageInvalid, error.code);
  }

  /** As on a link (LINK-31): also pings and pongs cost something. */
  function heard(bytes: number): boolean {
    watch.heard();
    if (isClosing) return false;
    if (budget.spend(bytes)) return true;
    refuse(new TreecastError('RATE_LIMITED', `Member ${peer.node} says more than can be honest.`));
    return false;
  }

  socket.on('message', (data, isBinary) => {
    if (!heard((data as Buffer).length)) return;
    try {
      options.onMessage(parseMessage(parseJsonFrame(data, isBinary), memberToLeaderSchema));
    } catch (error) {
      if (!(error instanceof TreecastError)) throw error;
      refuse(error);
    }
  });
  socket.on('pong', (data) => heard(data.length));
  socket.on('ping', (data) => {
    // Who does not read gets no answers piled up for it.
    if (heard(data.length) && socket.bufferedAmount < unansweredBytesMax) socket.pong(data);
  });
  socket.on('error', () => {
    // 'close' follows: ws has chosen the code.
  });
  socket.on('close', () => {
    cancelCut?.();
    options.onClosed();
  });

  function sendFrame(frame: Buffer): void {
    if (isClosing || socket.readyState !== socket.OPEN) return;
    if (socket.bufferedAmount > unsentBytesMax) socket.terminate();
    else socket.send(frame, { binary: false });
  }

  return {
    ...peer,
    send: (message) => sendFrame(Buffer.from(JSON.stringify(message))),
    sendFrame,
    tick() {
      if (watch.tick() || socket.bufferedAmount > unsentBytesMax) socket.terminate();
      else if (socket.readyState === socket.OPEN) socket.ping();
    },
    close,
  };
}
