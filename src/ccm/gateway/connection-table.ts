// Which connection is a node's current one (LINK-8), and the pings of all of them.

import type { Clock } from '../../net/clock.ts';
import { closeCodes } from '../../net/link/close-codes.ts';
import type { AgentConnection } from './agent-connection.ts';
import type { MemberConnection } from './leaders/member-connection.ts';

/** A node's own socket, or its place behind a leader. */
export type NodeConnection = AgentConnection | MemberConnection;

export interface ConnectionTable {
  /** Every one, from before its hello. */
  opened(connection: NodeConnection): void;
  /** It said hello: it is the node's from now on; an older one is closed. Returns the one it replaces. */
  greeted(connection: NodeConnection): NodeConnection | undefined;
  /** True when it was its node's current one. */
  closed(connection: NodeConnection): boolean;
  of(node: string): NodeConnection | undefined;
  /** All of a node's, also those before their hello. */
  allOf(node: string): NodeConnection[];
  closeAll(code: number, reason: string): void;
  terminateAll(): void;
  stop(): void;
}

export function createConnectionTable(clock: Clock, pingIntervalMs: number): ConnectionTable {
  const all = new Set<NodeConnection>();
  const current = new Map<string, NodeConnection>();

  function tick(): void {
    for (const connection of all) connection.tick();
    cancelTick = clock.after(pingIntervalMs, tick);
  }
  let cancelTick = clock.after(pingIntervalMs, tick);

  return {
    opened: (connection) => {
      all.add(connection);
    },
    greeted(connection) {
      const older = current.get(connection.node);
      current.set(connection.node, connection);
      older?.close(closeCodes.replaced, 'CONFLICT');
      return older;
    },
    closed(connection) {
      all.delete(connection);
      if (current.get(connection.node) !== connection) return false;
      return current.delete(connection.node);
    },
    of: (node) => current.get(node),
    allOf: (node) => [...all].filter((connection) => connection.node === node),
    closeAll(code, reason) {
      for (const connection of all) connection.close(code, reason);
    },
    terminateAll() {
      for (const connection of all) connection.terminate();
    },
    stop: () => cancelTick(),
  };
}
