// A balancer that is told of one server at a time, as its configuration writes it: which action goes to which server, with which values.
// How an action is sent (a program, a request) and how a server is looked at is the kind's.

import type { BalancerDriver, ServerLook } from './balancer-driver.ts';
import type { TemplateValues } from './fill-template.ts';
import { type NamedServer, namedServers } from './named-servers.ts';

export interface NamedServerKind<A> {
  readonly name: string;
  /** Entries by node; empty: every node by its own name. */
  readonly servers: Readonly<Record<string, readonly string[]>>;
  /** The usual one. */
  readonly weight: number;
  readonly actions: {
    readonly drain: A;
    readonly restore: A;
    readonly force?: A | undefined;
    readonly weigh?: A | undefined;
  };
  /** What an action is, for people. */
  readonly actionWord: 'program' | 'request';
  send(action: A, server: NamedServer, values: TemplateValues, signal: AbortSignal): Promise<unknown>;
  lookAt(server: NamedServer, signal: AbortSignal): Promise<Pick<ServerLook, 'state' | 'sessions'>>;
}

export function createNamedServerDriver<A>(kind: NamedServerKind<A>): BalancerDriver<NamedServer> {
  const { name, servers: map, weight, actions, actionWord } = kind;

  async function each(
    servers: readonly NamedServer[],
    action: A,
    about: ActionFacts,
    signal: AbortSignal,
  ): Promise<void> {
    for (const server of servers) await kind.send(action, server, valuesOf(server, about), signal);
  }

  return {
    name,
    find: (nodes) => Promise.resolve(namedServers(nodes, map)),
    look: (servers, signal) =>
      Promise.all(
        servers.map(async (server) => ({
          server,
          weight: null,
          trouble: null,
          ...(await kind.lookAt(server, signal)),
        })),
      ),
    takeOut: (servers, signal) => each(servers, actions.drain, { action: 'drain' }, signal),
    putBack: (servers, signal) => each(servers, actions.restore, { action: 'restore' }, signal),
    async force(servers, signal) {
      if (actions.force !== undefined) await each(servers, actions.force, { action: 'force' }, signal);
    },
    async weigh(servers, share, signal) {
      if (actions.weigh === undefined) return `${name} has no ${actionWord} for weights`;
      const about = {
        action: 'weigh',
        weight: String(Math.round(weight * share)),
        percent: String(Math.round(share * 100)),
      };
      await each(servers, actions.weigh, about, signal);
      return undefined;
    },
    validate: () => Promise.resolve(),
  };
}

type ActionFacts = Pick<TemplateValues, 'action'> & Partial<TemplateValues>;

/** For templates: what an action is about. */
export function valuesOf({ node, server }: NamedServer, about: ActionFacts): TemplateValues {
  return { weight: '', percent: '', ...about, node, server };
}
