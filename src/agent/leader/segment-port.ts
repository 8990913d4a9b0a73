// The segment port (LEAD-21 to LEAD-23): HTTPS between nodes, on TCP at the address and number of the node's control channel. Says who is there and hands
// everything on; it follows the node's address, and shows what the node's certificate is now.

import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { type WebSocket, WebSocketServer } from 'ws';
import { TreecastError } from '../../model/treecast-error.ts';
import { type ConnectionGuard, guardConnections } from '../../net/http/guard-connections.ts';
import { refuseSocket } from '../../net/http/refuse-socket.ts';
import { sendError } from '../../net/http/send-error.ts';
import { memberPath } from '../../net/relay/member-messages.ts';
import { memberMessageBytesMax } from '../../net/relay/member-schemas.ts';
import { createCertificateBook } from '../../net/segment/trust/certificate-book.ts';
import type { SocketAddress } from '../../net/segment/trust/peer-book.ts';
import { secureContextOptions, type TlsCredentials } from '../../net/tls/tls-settings.ts';
import type { AgentLog } from '../session/agent-log.ts';
import type { Tunnels } from './tunnel.ts';

/** Another node of this CCM, as its certificate shows. */
export interface NodePeer {
  readonly node: string;
  /** DER, base64. */
  readonly certificate: string;
}

export interface SegmentPort {
  /** Null: nowhere. What keeps it from being opened is logged, and tried again with each tick. */
  listenAt(own: SocketAddress | null): void;
  /** Where it is open. */
  place(): SocketAddress | null;
  /** Each second: certificates that changed or were revoked take effect. */
  tick(): void;
  close(): Promise<void>;
}

export interface SegmentPortOptions {
  readonly credentials: () => TlsCredentials;
  readonly isRevoked: (fingerprint: string) => boolean;
  readonly onMember: (socket: WebSocket, peer: NodePeer) => void;
  /** Throws what the request is refused for. */
  readonly onRequest: (request: IncomingMessage, response: ServerResponse, node: string) => Promise<void>;
  readonly tunnels: Tunnels;
  readonly log: AgentLog;
}

interface Open {
  readonly server: Server;
  readonly guard: ConnectionGuard;
  /** As it was wanted, and as it is: another one where any port will do. */
  readonly at: SocketAddress;
  readonly place: SocketAddress;
}

interface Known extends NodePeer {
  readonly fingerprint: string;
}

const handshakeMs = 10_000;
const idleMs = 60_000;
const strangersPerAddressMax = 32;
const connectionsMax = 8_192;
/** Of one node: its member connection, requests for content, tunnels. */
const nodeConnectionsMax = 64;
const nodeAnswersMax = 32;

export function createSegmentPort(options: SegmentPortOptions): SegmentPort {
  const { credentials, isRevoked, log } = options;
  const book = createCertificateBook(credentials().ca);
  const sockets = new Map<TLSSocket, Known>();
  const upgrades = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: memberMessageBytesMax,
    // Answered by the connection itself, which counts them and what the peer leaves unread.
    autoPong: false,
    clientTracking: false,
  });
  /** Requests of each node that wait for their answers, also behind one another on one connection. */
  const answering = new Map<string, number>();
  let wanted: SocketAddress | null = null;
  let shown = credentials();
  let open: Open | undefined;
  let working: Promise<void> | undefined;
  let closed = false;
  let trouble = '';

  /** Null: a stranger. A certificate's dates are not looked at (CHAN-6): the CCM judges them. */
  function identify(socket: TLSSocket): Known | null {
    const known = sockets.get(socket);
    if (known !== undefined) return known;
    const raw = socket.getPeerX509Certificate()?.raw;
    book.believe(credentials().ca);
    const found = raw === undefined ? 'stranger' : book.learn(raw);
    if (raw === undefined || found === 'stranger' || found === 'revoked') return null;
    const { node, fingerprint } = found;
    if (isRevoked(fingerprint)) return null;
    const peer = { node, fingerprint, certificate: raw.toString('base64') };
    if (socket.destroyed) return peer;
    sockets.set(socket, peer);
    socket.once('close', () => sockets.delete(socket));
    return peer;
  }

  /** Throws CERTIFICATE_INVALID, RATE_LIMITED. */
  function admit(socket: TLSSocket, guard: ConnectionGuard): Known {
    const peer = identify(socket);
    if (peer === null) {
      throw new TreecastError('CERTIFICATE_INVALID', 'Only nodes of this CCM are answered here.', {
        fix: 'Look at the certificate of the node that asks: it was revoked, or is another CCM’s.',
      });
    }
    let own = 0;
    for (const other of sockets.values()) if (other.node === peer.node) own += 1;
    if (own > nodeConnectionsMax) throw tooMany(peer.node, 'connections');
    guard.admitted(socket);
    return peer;
  }

  function createPort(): Pick<Open, 'server' | 'guard'> {
    shown = credentials();
    const server = createServer(
      {
        ...secureContextOptions(shown),
        requestCert: true,
        // Strangers get a tunnel (LEAD-41); everything else refuses who is none of this CCM's nodes.
        rejectUnauthorized: false,
        handshakeTimeout: handshakeMs,
        headersTimeout: handshakeMs,
        connectionsCheckingInterval: 5_000,
        requestTimeout: 30_000,
        noDelay: true,
      },
      (request, response) => {
        const answer = async (): Promise<void> => {
          const { node } = admit(request.socket as TLSSocket, guard);
          const own = (answering.get(node) ?? 0) + 1;
          if (own > nodeAnswersMax) throw tooMany(node, 'requests');
          answering.set(node, own);
          try {
            await options.onRequest(request, response, node);
          } finally {
            const left = (answering.get(node) ?? 1) - 1;
            if (left === 0) answering.delete(node);
            else answering.set(node, left);
          }
        };
        answer().catch((error: unknown) => sendError(response, error));
      },
    );
    server.on('error', (error) => log.warn({ err: error }, 'the segment port'));
    server.timeout = idleMs;
    server.maxConnections = connectionsMax;
    const guard = guardConnections(server, strangersPerAddressMax);
    server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
      const socket = stream as TLSSocket;
      socket.on('error', () => socket.destroy());
      try {
        if (request.url !== memberPath)
          throw new TreecastError('NOT_FOUND', `Members come to ${memberPath}.`);
        const peer = admit(socket, guard);
        upgrades.handleUpgrade(request, socket, head, (webSocket) => options.onMember(webSocket, peer));
      } catch (error) {
        refuseSocket(socket, error);
      }
    });
    server.on('connect', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
      const socket = stream as TLSSocket;
      const peer = identify(socket);
      if (peer !== null) guard.admitted(socket);
      options.tunnels.open(request, socket, head, peer?.node ?? null);
    });
    return { server, guard };
  }

  function isWanted(at: SocketAddress): boolean {
    return !closed && wanted !== null && wanted.address === at.address && wanted.port === at.port;
  }

  async function shut({ server, guard }: Pick<Open, 'server' | 'guard'>): Promise<void> {
    const ended = server.listening ? once(server, 'close') : undefined;
    server.close();
    server.closeAllConnections();
    guard.cutAll();
    await ended;
  }

  /** One attempt; goes on until it is as wanted, or fails. */
  function settle(): void {
    working ??= goWhereWanted().finally(() => {
      working = undefined;
    });
  }

  async function goWhereWanted(): Promise<void> {
    try {
      while (open === undefined ? wanted !== null && !closed : !isWanted(open.at)) {
        if (open !== undefined) {
          const last = open;
          open = undefined;
          await shut(last);
          continue;
        }
        const at = wanted as SocketAddress;
        const made = createPort();
        try {
          made.server.listen(at.port, at.address);
          await once(made.server, 'listening');
        } catch (error) {
          await shut(made);
          throw error;
        }
        const { port } = made.server.address() as AddressInfo;
        open = { ...made, at, place: { address: at.address, port } };
        trouble = '';
        log.info({ ...open.place }, 'the segment port is open');
      }
    } catch (error) {
      const text = `${wanted?.address} ${wanted?.port} ${String(error)}`;
      if (text !== trouble) {
        log.warn(
          { ...wanted, err: error },
          'the segment port cannot be opened: no member gets anything from this node',
        );
      }
      trouble = text;
    }
  }

  return {
    listenAt(own) {
      wanted = own;
      settle();
    },
    place: () => open?.place ?? null,
    tick() {
      settle();
      const now = credentials();
      if (now !== shown) {
        shown = now;
        open?.server.setSecureContext(secureContextOptions(now));
      }
      for (const [socket, { fingerprint }] of sockets) if (isRevoked(fingerprint)) socket.destroy();
    },
    async close() {
      closed = true;
      wanted = null;
      await working;
      if (open !== undefined) await shut(open);
      open = undefined;
    },
  };
}

function tooMany(node: string, what: 'connections' | 'requests'): TreecastError {
  return new TreecastError('RATE_LIMITED', `Node ${node} has too many ${what} here.`, {
    fix: 'Look at the agent on that node: an honest one needs a few.',
  });
}
