// Connections to the sources of the tree, kept while they are of use: one set for each source, whatever is fetched from it. With how long a TCP
// handshake with it took (TREE-56). Who is at the other end its certificate says.

import type { Agent } from 'node:https';
import { TLSSocket } from 'node:tls';
import { connectDirectly, type Dial } from '../../net/dial/ccm-dialer.ts';
import { createDialingAgent } from '../../net/dial/dialing-agent.ts';
import type { SocketAddress } from '../../net/segment/trust/peer-book.ts';
import {
  ccmConnectionOptions,
  nodeConnectionOptions,
  type TlsCredentials,
} from '../../net/tls/tls-settings.ts';
import { segmentPortUrl } from '../leader/ask-held.ts';
import { addressOf } from '../session/receive-assignment.ts';

/** Null: the CCM. */
export type SourcePlace = ({ readonly node: string } & SocketAddress) | null;

export interface SourceLine {
  agent(): Agent;
  url(assignment: string, what: 'manifest' | 'data' | 'held'): string;
  /** The shortest so far; null: none was measured. */
  delayMs(): number | null;
}

export interface SourceLines {
  to(place: SourcePlace): SourceLine;
  close(): void;
}

export interface SourceLinesOptions {
  readonly ccmUrl: string;
  /** The ways to the CCM; absent: the direct one. */
  readonly dial?: Dial | undefined;
  readonly credentials: () => TlsCredentials;
}

interface Kept extends SourceLine {
  isIdle(): boolean;
  close(): void;
}

const connectTimeoutMs = 3_000;
const freeSocketsMax = 4;
/** Beyond, the longest unused ones are let go, over which nothing comes. */
const linesMax = 64;

export function createSourceLines(options: SourceLinesOptions): SourceLines {
  const lines = new Map<string, Kept>();

  function create(place: SourcePlace): Kept {
    let credentials: TlsCredentials | undefined;
    let agent: Agent | undefined;
    let shortestMs: number | null = null;
    const dialed =
      place === null && options.dial !== undefined
        ? options.dial
        : (host: string, port: number) => connectDirectly({ address: host, port }, connectTimeoutMs);

    const measured: Dial = async (host, port) => {
      const startedAt = performance.now();
      const socket = await dialed(host, port);
      const ms = performance.now() - startedAt;
      // A tunnel's time is not that of a handshake with its end.
      if (!(socket instanceof TLSSocket)) shortestMs = Math.min(shortestMs ?? ms, ms);
      return socket;
    };

    return {
      agent() {
        const wanted = options.credentials();
        if (agent !== undefined && credentials === wanted) return agent;
        // What runs on the former one is cut, and goes on where it was.
        agent?.destroy();
        credentials = wanted;
        agent = createDialingAgent(measured, {
          ...(place === null ? ccmConnectionOptions(wanted) : nodeConnectionOptions(wanted, place.node)),
          keepAlive: true,
          maxFreeSockets: freeSocketsMax,
        });
        return agent;
      },
      url: (assignment, what) =>
        place === null
          ? addressOf(`/assignments/${assignment}/${what}`, options.ccmUrl)
          : segmentPortUrl(place, assignment, what),
      delayMs: () => shortestMs,
      isIdle: () => agent === undefined || Object.keys(agent.sockets).length === 0,
      close: () => agent?.destroy(),
    };
  }

  return {
    to(place) {
      const key = place === null ? '' : `${place.node} ${place.address} ${place.port}`;
      const line = lines.get(key) ?? create(place);
      lines.delete(key);
      lines.set(key, line);
      if (lines.size > linesMax) {
        const unused = [...lines].find(([other, { isIdle }]) => other !== key && isIdle());
        if (unused !== undefined) lines.delete(unused[0]);
        unused?.[1].close();
      }
      return line;
    },
    close() {
      for (const line of lines.values()) line.close();
      lines.clear();
    },
  };
}
