// Live events over a WebSocket at /api/v1/events: first what happened after `?after=ID` (if asked), then everything as it happens.
// A reader that does not keep up gets the rest from the database when it does: nothing is lost, and nothing piles up here.

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';
import type { EventResource } from '../../model/api.ts';
import { TreecastError, toWireError } from '../../model/treecast-error.ts';
import { hasRole, type Principal } from '../registry/permission.ts';
import type { Registry } from '../registry/registry.ts';
import type { Authenticator } from './authenticator.ts';

export interface EventsSocketOptions {
  readonly registry: Pick<Registry, 'events' | 'tokens'>;
  readonly authenticator: Authenticator;
}

export interface EventsSocket {
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly close: () => void;
}

const bufferedBytesMax = 1_048_576;
const socketsMax = 1_000;
/** Sockets whose token has not come yet; the oldest gives way, so that strangers cannot keep others out. */
const strangersMax = 100;
const unansweredBytesMax = 65_536;
const authenticationTimeoutMs = 10_000;
const pingIntervalMs = 15_000;
const pageEvents = 200;
const closeCodes = { policy: 1008, goingAway: 1001 } as const;

const firstMessage = z.strictObject({ token: z.string().max(200) });

export function createEventsSocket({ registry, authenticator }: EventsSocketOptions): EventsSocket {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: 4_096,
    perMessageDeflate: false,
    autoPong: false,
  });
  const strangers = new Set<WebSocket>();

  /** Resolves to the token once the first message brought it. */
  function tokenMessage(socket: WebSocket): Promise<string> {
    return new Promise((resolve, reject) => {
      const refuse = (): void => reject(unauthenticated());
      const timer = setTimeout(refuse, authenticationTimeoutMs);
      socket.once('close', () => {
        clearTimeout(timer);
        refuse();
      });
      socket.once('message', (data: Buffer) => {
        clearTimeout(timer);
        const message = firstMessage.safeParse(parseJson(data));
        if (message.success) resolve(message.data.token);
        else refuse();
      });
    });
  }

  async function admit(
    socket: WebSocket,
    request: IncomingMessage,
    after: number | undefined,
  ): Promise<void> {
    const header = /^bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    try {
      const token = header ?? (await tokenMessage(socket));
      strangers.delete(socket);
      requireViewer(await authenticator.byToken(token, request.socket.remoteAddress));
      follow(socket, token, after);
    } catch (error) {
      refuse(socket, error);
    }
  }

  function follow(socket: WebSocket, token: string, after: number | undefined): void {
    let isAlive = true;
    let sent = after ?? registry.events.newestId();
    let stop = (): void => undefined;

    const requireToken = (): void => {
      const principal = registry.tokens.authenticate(token);
      if (!principal || !hasRole(principal, 'viewer')) refuse(socket, unauthenticated());
    };
    /** False when the socket takes no more for now. */
    const send = (event: EventResource): boolean => {
      if (socket.readyState !== WebSocket.OPEN || socket.bufferedAmount > bufferedBytesMax) return false;
      socket.send(JSON.stringify(event));
      sent = event.id;
      // It may have been this very token.
      if (event.kind === 'token.revoked') requireToken();
      return true;
    };
    const sendLive = (event: EventResource): void => {
      if (send(event)) return;
      stop();
      whenDrained(socket, sendStored);
    };
    const sendStored = (): void => {
      const page = registry.events.page({ after: sent, limit: pageEvents });
      // The last page and the subscription are one synchronous step: no event falls between them.
      if (page.every(send) && page.length < pageEvents) stop = registry.events.subscribe(sendLive);
      else whenDrained(socket, sendStored);
    };
    const ping = setInterval(() => {
      if (!isAlive) socket.terminate();
      requireToken();
      isAlive = false;
      socket.ping();
    }, pingIntervalMs);
    socket.on('pong', () => {
      isAlive = true;
    });
    socket.once('close', () => {
      clearInterval(ping);
      stop();
    });
    sendStored();
  }

  return {
    upgrade(request, socket, head) {
      socket.on('error', () => socket.destroy());
      const url = URL.parse(request.url ?? '', 'http://ccm');
      const after = url?.searchParams.get('after') ?? undefined;
      if (url?.pathname !== '/api/v1/events') return rejectUpgrade(socket, '404 Not Found');
      if (after !== undefined && !/^\d{1,15}$/.test(after)) return rejectUpgrade(socket, '400 Bad Request');
      if (server.clients.size - strangers.size >= socketsMax)
        return rejectUpgrade(socket, '503 Service Unavailable');
      server.handleUpgrade(request, socket, head, (webSocket) => {
        webSocket.on('error', () => webSocket.terminate());
        webSocket.on('ping', (data) => {
          if (webSocket.bufferedAmount < unansweredBytesMax) webSocket.pong(data);
        });
        strangers.add(webSocket);
        webSocket.once('close', () => strangers.delete(webSocket));
        if (strangers.size > strangersMax) [...strangers][0]?.terminate();
        void admit(webSocket, request, after === undefined ? undefined : Number(after));
      });
    },
    close() {
      for (const socket of server.clients) socket.close(closeCodes.goingAway);
      server.close();
    },
  };
}

function whenDrained(socket: WebSocket, next: () => void): void {
  if (socket.readyState !== WebSocket.OPEN) return;
  // ws calls back once what was sent before has left this process.
  socket.ping(undefined, undefined, () => {
    if (socket.readyState === WebSocket.OPEN) next();
  });
}

function refuse(socket: WebSocket, error: unknown): void {
  if (socket.readyState !== WebSocket.OPEN) return;
  socket.send(JSON.stringify({ error: toWireError(error) }));
  socket.close(closeCodes.policy);
}

function rejectUpgrade(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`, () => socket.destroy());
}

function requireViewer(principal: Principal): void {
  if (hasRole(principal, 'viewer')) return;
  throw new TreecastError('FORBIDDEN', `The token ${principal.name} lacks the role viewer.`, {
    fix: 'Ask an admin for a token with the role viewer.',
  });
}

function unauthenticated(): TreecastError {
  return new TreecastError('UNAUTHENTICATED', 'The token is missing, unknown, revoked or expired.', {
    fix: 'Send `authorization: Bearer TOKEN`, or {"token": "…"} as the first message.',
  });
}

function parseJson(data: Buffer): unknown {
  try {
    return JSON.parse(data.toString());
  } catch {
    return undefined;
  }
}
