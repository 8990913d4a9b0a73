// The agents' port: mutual TLS, POST /join and /renew, GET /keys, the WebSocket /agent, and assignments by ranges.
// It knows who is connected, by a link of its own or behind a leader, and carries messages; what they mean, and who may join, is decided elsewhere.

import type { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import { WebSocketServer } from 'ws';
import { isLeaderMessage, type RelayedMessage } from '../../model/leader-messages.ts';
import type { CcmMessage, Hello } from '../../model/messages.ts';
import type { RateLimit } from '../../model/rate-limit.ts';
import { TreecastError, toWireError } from '../../model/treecast-error.ts';
import { type Clock, systemClock } from '../../net/clock.ts';
import { guardConnections } from '../../net/http/guard-connections.ts';
import { refuseSocket } from '../../net/http/refuse-socket.ts';
import { sendError, sendJson } from '../../net/http/send-error.ts';
import type { KeyStatement } from '../../net/keys/key-statement.ts';
import { closeCodes } from '../../net/link/close-codes.ts';
import { agentMessageBytesMax, pingIntervalMs } from '../../net/link/limits.ts';
import { createPacer } from '../../net/rate/pacer.ts';
import type { CertificateAuthority, TlsIdentity } from '../../net/tls/certificate-authority.ts';
import { secureContextOptions } from '../../net/tls/tls-settings.ts';
import { createAdmission } from './admission.ts';
import { type AgentConnection, type AgentReport, createAgentConnection } from './agent-connection.ts';
import { type AssignmentEndpointOptions, createAssignmentEndpoint } from './assignment-endpoint.ts';
import { createConnectionTable, type NodeConnection } from './connection-table.ts';
import { createJoinEndpoint } from './join-endpoint.ts';
import { createLeaderSessions, type LeaderSession } from './leaders/leader-sessions.ts';
import type { Behind } from './leaders/member-connection.ts';
import type { NodeAuthority } from './node-authority.ts';
import { createOutbox } from './outbox.ts';
import type { Peer } from './peer-certificate.ts';
import { createRenewEndpoint } from './renew-endpoint.ts';

export interface ConnectionFacts {
  readonly id: string;
  readonly protocol: number;
  /** The node's key from its certificate: what its receipts are signed with. */
  readonly publicKey: KeyObject;
  /** The leader that speaks for it; null: it has a link of its own. */
  readonly leader: string | null;
}

/** Somebody who was turned away. */
export interface Refused {
  readonly node: string | null;
  readonly address: string;
  /** Who carried its word, and whether it had been taken before. */
  readonly behind?: { readonly leader: string; readonly wasOpen: boolean };
}

export interface AgentHandlers {
  /** The core answers with a welcome of this protocol. A node's older connection was disconnected before. */
  connected(node: string, hello: Hello, connection: ConnectionFacts): void;
  message(node: string, report: AgentReport, connection: string): void;
  disconnected(node: string, connection: string): void;
}

export interface AgentGatewayOptions
  extends Pick<AssignmentEndpointOptions, 'ticketKeys' | 'resolveAssignment' | 'segmentOf'> {
  readonly listen: { readonly host: string; readonly port: number };
  /** The CCM's own, from `certificates.issueServerIdentity`. */
  readonly identity: TlsIdentity;
  readonly certificates: CertificateAuthority;
  readonly authority: NodeAuthority;
  /** KEYS-9: for whoever asks. */
  readonly statements: () => readonly KeyStatement[];
  /** Called in the order in which things arrived. */
  readonly handlers: AgentHandlers;
  /** For the event log: who was turned away and why, who joined. */
  readonly onRefused?: (who: Refused, error: TreecastError) => void;
  readonly onJoined?: (node: string) => void;
  /** A leader's session began, and it was told; null: it ended. */
  readonly onLed?: (segment: string, leader: string | null) => void;
  /** TREE-73; absent or null: no limit. */
  readonly uplink?: RateLimit | null | undefined;
  readonly clock?: Clock;
  readonly pingIntervalMs?: number;
  readonly limits?: Partial<GatewayLimits>;
}

/** Against peers that hold connections and say nothing (LINK-32). */
export interface GatewayLimits {
  /** Until the TLS handshake, and again until a request's headers, are complete. */
  readonly handshakeMs: number;
  /** Silence on a connection that is no link, in either direction. */
  readonly idleMs: number;
  /** Open connections of one address that have not shown a node's certificate. */
  readonly strangersPerAddressMax: number;
  readonly connectionsMax: number;
}

export interface AgentGateway {
  listen(): Promise<AddressInfo>;
  /** Dropped when the node is not connected: its next hello starts afresh. */
  send(node: string, message: CcmMessage): void;
  /** One message to many, serialised once; one copy for all that are behind the same leader, which goes out first (LEAD-6). */
  broadcast(nodes: readonly string[], message: CcmMessage): void;
  isConnected(node: string): boolean;
  /** Null: it has a link of its own, or none at all. */
  behind(node: string): Behind | null;
  /** The session in which this node speaks for others; null: it does not. */
  leading(node: string): LeaderSession | null;
  /** What the uplink's limit says now; null: none. */
  uplinkBytesPerSecond(): number | null;
  /** Whom the CCM accepts as the leader of that segment now: it may speak for nodes of it from here on (LEAD-1). True: it was told of a session. */
  appoint(segment: string, leader: string | null): boolean;
  /** Turns a node away, for instance because it was removed: its link and its requests end now (KEYS-7). */
  close(node: string, error: TreecastError): void;
  /** For connections from now on: the CCM's certificate was renewed, or its authority was. */
  useIdentity(identity: TlsIdentity): void;
  /** All links end, and are made anew at once by their agents. */
  reconnectAll(): void;
  /** Closes all connections and the port. */
  stop(): Promise<void>;
}

const limitsDefault: GatewayLimits = {
  handshakeMs: 10_000,
  idleMs: 60_000,
  strangersPerAddressMax: 256,
  connectionsMax: 20_000,
};
const stopGraceMs = 1_000;

export function createAgentGateway(options: AgentGatewayOptions): AgentGateway {
  const { authority, handlers } = options;
  const limits = { ...limitsDefault, ...options.limits };
  const clock = options.clock ?? systemClock;
  const now = (): number => clock.now();
  const table = createConnectionTable(clock, options.pingIntervalMs ?? pingIntervalMs);
  const outbox = createOutbox();
  const join = createJoinEndpoint({
    certificates: options.certificates,
    authority,
    now,
    onJoined: (node) => options.onJoined?.(node),
  });
  const renew = createRenewEndpoint(options);
  const uplink = createPacer({
    clock,
    wallNow: systemClock.now,
    limits: { all: options.uplink ?? null, sites: {} },
  });
  const assignments = createAssignmentEndpoint({ ...options, now, pace: () => uplink.begin(null) });
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: agentMessageBytesMax,
    // Answered by the connection itself, which counts them and what the peer leaves unread.
    autoPong: false,
    clientTracking: false,
  });
  let connections = 0;
  const nextId = (): string => String(++connections);

  function contextOf(identity: TlsIdentity): SecureContextOptions {
    const ca = options.certificates.believed.map((authority) => authority.toString()).join('\n');
    return secureContextOptions({ identity, ca });
  }

  const server = createServer(
    {
      ...contextOf(options.identity),
      requestCert: true,
      // POST /join has no certificate yet; every other route refuses who is not authorized.
      rejectUnauthorized: false,
      handshakeTimeout: limits.handshakeMs,
      headersTimeout: limits.handshakeMs,
      connectionsCheckingInterval: Math.min(5_000, limits.handshakeMs),
      requestTimeout: 30_000,
      noDelay: true,
    },
    (request, response) => {
      // A request that was destroyed has no socket any more.
      const socket = request.socket as TLSSocket;
      answer(request, response).catch((error: unknown) => {
        refused(socket, error);
        sendError(response, error);
      });
    },
  );

  server.timeout = limits.idleMs;
  server.maxConnections = limits.connectionsMax;
  const guard = guardConnections(server, limits.strangersPerAddressMax);
  const admission = createAdmission(options.certificates, authority, guard.admitted);
  const leaders = createLeaderSessions({
    of: table.of,
    authorities: () => options.certificates.believed,
    authority,
    segmentOf: options.segmentOf,
    nextId,
    clock,
    send: sendOver,
    onOpened(member, hello, facts) {
      table.opened(member);
      greeted(member, hello, facts);
    },
    onReport(connection, report) {
      if (table.of(connection.node) === connection) handlers.message(connection.node, report, connection.id);
    },
    onClosed: closed,
    onLed: (segment, leader) => options.onLed?.(segment, leader),
    onRefused: ({ node: leader }, node, wasOpen, error) =>
      options.onRefused?.({ node, address: '', behind: { leader, wasOpen } }, error),
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === '/join') {
      if (request.method !== 'POST') throw new TreecastError('INVALID_INPUT', 'Join with POST.');
      return join(request, response);
    }
    const socket = request.socket as TLSSocket;
    if (request.url === '/keys')
      return sendJson(response, 200, { version: 1, statements: options.statements() });
    if (request.url === '/renew') {
      if (request.method !== 'POST') throw new TreecastError('INVALID_INPUT', 'Renew with POST.');
      return renew(request, response, await admission.admitForRenewal(socket));
    }
    const peer = await admission.admit(socket);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw new TreecastError('INVALID_INPUT', 'Only GET and HEAD are answered here.');
    }
    return assignments(request, response, peer.node);
  }

  function refused(socket: TLSSocket, error: unknown): void {
    if (!(error instanceof TreecastError)) return;
    const node = admission.nodeOf(socket);
    options.onRefused?.({ node, address: socket.remoteAddress ?? '' }, error);
  }

  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    const socket = stream as TLSSocket;
    socket.on('error', () => socket.destroy());
    if (request.url !== '/agent') {
      refuseSocket(socket, new TreecastError('NOT_FOUND', 'The link is at /agent.'));
      return;
    }
    admission.admit(socket).then(
      (peer) => accept(peer, request, socket, head),
      (error: unknown) => {
        refused(socket, error);
        const isKnown = admission.nodeOf(socket) !== null && error instanceof TreecastError;
        if (isKnown) turnAway(error, request, socket, head);
        else refuseSocket(socket, error);
      },
    );
  });

  function accept(peer: Peer, request: IncomingMessage, socket: TLSSocket, head: Buffer): void {
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const { node, publicKey } = peer;
      admission.upgraded(node, socket);
      const connection: AgentConnection = createAgentConnection({
        id: nextId(),
        node,
        socket: webSocket,
        clock,
        onHello(hello, protocol) {
          greeted(connection, hello, { id: connection.id, protocol, publicKey, leader: null });
        },
        onReport(report) {
          if (table.of(node) !== connection) return;
          if (isLeaderMessage(report)) leaders.message(connection, report);
          else handlers.message(node, report, connection.id);
        },
        onClosed: () => closed(connection),
        onRefused: (error) => refused(socket, error),
      });
      table.opened(connection);
    });
  }

  function greeted(connection: NodeConnection, hello: Hello, facts: ConnectionFacts): void {
    const older = table.greeted(connection);
    if (older !== undefined) {
      leaders.ended(older);
      handlers.disconnected(connection.node, older.id);
    }
    handlers.connected(connection.node, hello, facts);
  }

  function closed(connection: NodeConnection): void {
    const isCurrent = table.closed(connection);
    leaders.ended(connection);
    if (isCurrent) handlers.disconnected(connection.node, connection.id);
  }

  /** LINK-10: a node that may not be here is told so in a message, then closed. */
  function turnAway(error: TreecastError, request: IncomingMessage, socket: TLSSocket, head: Buffer): void {
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('error', () => webSocket.terminate());
      webSocket.send(refusal(error));
      webSocket.close(closeCodes.certificateInvalid, error.code);
    });
  }

  function sendOver(link: AgentConnection, message: CcmMessage): void {
    const frame = Buffer.from(JSON.stringify(message));
    outbox.push(() => link.send(frame));
  }

  function broadcast(nodes: readonly string[], message: CcmMessage): void {
    const carriers = new Map<AgentConnection, string[]>();
    const links: AgentConnection[] = [];
    for (const node of nodes) {
      const connection = table.of(node);
      if (connection === undefined) continue;
      if (connection.behind === null) links.push(connection);
      else if (connection.hear(message)) {
        const carried = carriers.get(connection.link);
        if (carried === undefined) carriers.set(connection.link, [node]);
        else carried.push(node);
      }
    }
    for (const [link, carried] of carriers)
      sendOver(link, { type: 'relay', nodes: carried, message: message as RelayedMessage });
    if (links.length === 0) return;
    const frame = Buffer.from(JSON.stringify(message));
    for (const link of links) outbox.push(() => link.send(frame));
  }

  return {
    async listen() {
      server.listen(options.listen.port, options.listen.host);
      await once(server, 'listening');
      return server.address() as AddressInfo;
    },
    send: (node, message) => broadcast([node], message),
    broadcast,
    isConnected: (node) => table.of(node) !== undefined,
    behind: (node) => table.of(node)?.behind ?? null,
    leading: leaders.of,
    appoint: leaders.appoint,
    close(node, error) {
      for (const connection of table.allOf(node)) connection.refuse(error);
      admission.cutOff(node);
    },
    useIdentity(identity) {
      server.setSecureContext(contextOf(identity));
    },
    reconnectAll: () => table.closeAll(closeCodes.goingAway, ''),
    uplinkBytesPerSecond: uplink.allowed,
    async stop() {
      table.stop();
      uplink.close();
      const ended = once(server, 'close');
      server.close();
      table.closeAll(closeCodes.goingAway, '');
      server.closeIdleConnections();
      const cancel = systemClock.after(stopGraceMs, () => {
        table.terminateAll();
        server.closeAllConnections();
        guard.cutAll();
      });
      await ended;
      cancel();
    },
  };
}

function refusal(error: TreecastError): string {
  return JSON.stringify({ type: 'refused', error: toWireError(error) } satisfies CcmMessage);
}
