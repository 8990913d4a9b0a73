// What the kinds of balancers have in common: one driver speaks to one balancer process or file. A driver does what it is told at once
// and tells what is true; waiting, policy, and doing it again after a reload are in drain-servers.ts and restore-servers.ts.

import type { BalancedNode, BalancerState } from 'treecast/plugin';

/** One server entry of a balancer that belongs to a node. */
export interface BalancedServer {
  readonly node: string;
  /** For people: `app/web1`. */
  readonly label: string;
}

export interface ServerLook<S extends BalancedServer = BalancedServer> {
  readonly server: S;
  /** `unknown` only when this balancer cannot be asked. */
  readonly state: BalancerState['state'];
  /** Null when this balancer does not count. */
  readonly sessions: number | null;
  readonly weight: number | null;
  /** Why it gets nothing although it is in: its health check fails. */
  readonly trouble: string | null;
}

/**
 * Everything may be called again and for servers that are in that state already. Failures are PluginErrors; only a BalancerAway does
 * not end a wait.
 */
export interface BalancerDriver<S extends BalancedServer = BalancedServer> {
  /** For people: the balancer's name, and its socket when it has several. */
  readonly name: string;
  /** The entries of these nodes; a node that is not here has none. Throws when the configuration names one that is not there. */
  find(nodes: readonly BalancedNode[], signal: AbortSignal): Promise<readonly S[]>;
  look(servers: readonly S[], signal: AbortSignal): Promise<readonly ServerLook<S>[]>;
  /** Nothing new for them from now on. */
  takeOut(servers: readonly S[], signal: AbortSignal): Promise<void>;
  /** They have no sessions left: what is done with them while they are out. */
  rest?(servers: readonly S[], signal: AbortSignal): Promise<void>;
  /** Ends their sessions; they stay out. */
  force(servers: readonly S[], signal: AbortSignal): Promise<void>;
  /** Back into service, but nothing for a server whose health check does not pass. */
  putBack(servers: readonly S[], signal: AbortSignal): Promise<void>;
  /** `share` of the usual weight, 0 to 1. Answers what could not be done exactly, in words. */
  weigh(servers: readonly S[], share: number, signal: AbortSignal): Promise<string | undefined>;
  /** Is it there and willing; changes nothing. */
  validate(signal: AbortSignal): Promise<void>;
}
