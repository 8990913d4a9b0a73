// How a node reaches the CCM's port: directly, else through another node's tunnel (LEAD-60). Decides which is tried first; what is said on the
// connection is its user's.

import { connect, type Socket } from 'node:net';
import { TreecastError } from '../../model/treecast-error.ts';
import type { Clock } from '../clock.ts';
import type { TlsCredentials } from '../tls/tls-settings.ts';
import { type NetworkPlace, openTunnel } from './open-tunnel.ts';

/** Opens a connection to that host and port; TLS comes on top of it. */
export type Dial = (host: string, port: number) => Promise<Socket>;

export interface CcmDialerOptions {
  /** Null before there are any. */
  readonly credentials: () => TlsCredentials | null;
  /** Nodes that may have a tunnel, the likeliest first. */
  readonly vias: () => readonly NetworkPlace[];
  readonly clock: Clock;
}

const directTimeoutMs = 3_000;
const tunnelTimeoutMs = 4_000;
const viasMax = 3;
/** What led there once is tried first for so long; then the direct way has its turn again. */
const preferMs = 60_000;

export function createCcmDialer({ credentials, vias, clock }: CcmDialerOptions): Dial {
  let preferred: { readonly via: NetworkPlace; readonly until: number } | undefined;

  async function through(via: NetworkPlace, host: string, port: number): Promise<Socket> {
    const socket = await openTunnel({
      via,
      host,
      port,
      credentials: credentials(),
      timeoutMs: tunnelTimeoutMs,
    });
    const until = preferred !== undefined && isSamePlace(preferred.via, via) ? preferred.until : undefined;
    preferred = { via, until: until ?? clock.now() + preferMs };
    return socket;
  }

  return async (host, port) => {
    const known = vias();
    if (preferred !== undefined && clock.now() < preferred.until) {
      const { via } = preferred;
      const socket = await through(via, host, port).catch(() => undefined);
      if (socket !== undefined) return socket;
    }
    preferred = undefined;
    try {
      return await connectDirectly({ address: host, port }, directTimeoutMs);
    } catch (error) {
      for (const via of known.slice(0, viasMax)) {
        const socket = await through(via, host, port).catch(() => undefined);
        if (socket !== undefined) return socket;
      }
      throw error;
    }
  };
}

/** Resolves when it stands. */
export function connectDirectly({ address, port }: NetworkPlace, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, timeout: timeoutMs, noDelay: true });
    const fail = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    socket.once('error', fail);
    socket.once('timeout', () => fail(new TreecastError('CCM_UNREACHABLE', 'there was no answer in time')));
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.removeAllListeners('timeout');
      socket.off('error', fail);
      resolve(socket);
    });
  });
}

function isSamePlace(a: NetworkPlace, b: NetworkPlace): boolean {
  return a.address === b.address && a.port === b.port;
}
