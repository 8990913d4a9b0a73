// Direct delivery: each agent is told of its assignments over its own connection; small ones ride inside the message, larger ones
// are fetched by ranges with a signed ticket. Later the tree of group leaders takes this place.

import type { KeyObject } from 'node:crypto';
import type { AssignmentSource, CcmMessage } from '../../model/messages.ts';
import type { Release } from '../../model/release.ts';
import { issueTicket } from '../../net/tickets/ticket.ts';
import type { AgentGateway } from '../gateway/agent-gateway.ts';
import type { AssignmentStore, StoredAssignment } from './assignment-store.ts';

/** Long enough for the slowest fetch; a node that needs longer asks again by reconnecting. */
const ticketLifeMs = 24 * 60 * 60_000;

export interface DeliveryOptions {
  readonly store: AssignmentStore;
  readonly gateway: Pick<AgentGateway, 'send' | 'broadcast'>;
  readonly releaseKey: KeyObject;
  /** Origin of the agents' port, no trailing slash. */
  readonly agentUrl: string;
  readonly now: () => number;
}

export interface Delivery {
  deliver(request: {
    readonly site: string;
    readonly nodes: readonly string[];
    readonly release: Release;
    readonly assignments: readonly string[];
  }): Promise<void>;
}

export function createDelivery({ store, gateway, releaseKey, agentUrl, now }: DeliveryOptions): Delivery {
  function notice(
    site: string,
    release: Release,
    assignment: StoredAssignment,
    source: AssignmentSource,
  ): CcmMessage {
    return { type: 'assignment', site, id: assignment.id, release, source };
  }

  function sendOne(
    site: string,
    release: Release,
    nodes: readonly string[],
    assignment: StoredAssignment,
  ): void {
    if (assignment.inline !== null) {
      gateway.broadcast(nodes, notice(site, release, assignment, { kind: 'inline', ...assignment.inline }));
      return;
    }
    for (const node of nodes) {
      const ticket = issueTicket(
        {
          job: `${site}@${release.epoch}-${release.sequence}`,
          assignment: assignment.id,
          fetcher: node,
          expiresAt: now() + ticketLifeMs,
        },
        releaseKey,
      );
      const address = `${agentUrl}/assignments/${assignment.id}`;
      gateway.send(
        node,
        notice(site, release, assignment, {
          kind: 'url',
          manifestUrl: `${address}/manifest`,
          dataUrl: `${address}/data`,
          manifestBytes: assignment.manifestBytes,
          dataBytes: assignment.dataBytes,
          ticket,
        }),
      );
    }
  }

  return {
    async deliver({ site, nodes, release, assignments }) {
      for (const id of assignments) {
        const assignment = await store.get(id);
        if (assignment !== undefined) sendOne(site, release, nodes, assignment);
      }
    },
  };
}
