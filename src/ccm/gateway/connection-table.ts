// Which connection is a node's current one (LINK-8), and the pings of all of them.

import type { Clock } from '../../net/clock.ts';
import { closeCodes } from '../../net/link/close-codes.ts';
import type { AgentConnection } from './agent-connection.ts';

export interface ConnectionTable {
  /** Every open socket, from before its hello. */
  opened(connection: AgentConnection): void;
  /** It said hello: it is the node's from now on; an older one is closed. Returns the one it replaces. */
  greeted(connection: AgentConnection): AgentConnection | undefined;
  /** True when it was its node's current one. */
  closed(connection: AgentConnection): boolean;
  of(node: string): AgentConnection | undefined;
  /** All of a node's, also those before their hello. */
  allOf(node: string): AgentConnection[];
  closeAll(code: number, reason: string): void;
  terminateAll(): void;
  stop(): void;
}

export function createConnectionTable(clock: Clock, pingIntervalMs: number): ConnectionTable {
  const all = new Set<AgentConnection>();
  const current = new Map<string, AgentConnection>();

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
