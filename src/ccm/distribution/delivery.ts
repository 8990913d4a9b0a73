// Delivery: each agent is told of its assignments over its own connection, or by the leader that it is behind; small ones ride inside the message,
// larger ones are fetched by ranges with a signed ticket, by a leader once for all that are behind it, and from whom it says the tree. Messages leave
// in the order they were asked for.

import type { KeyObject } from 'node:crypto';
import type { AssignmentSource, CcmMessage } from '../../model/messages.ts';
import type { Release } from '../../model/release.ts';
import { issueTicket, segmentFetcher } from '../../net/tickets/ticket.ts';
import type { AgentGateway } from '../gateway/agent-gateway.ts';
import type { Trees } from '../tree/trees.ts';
import type { AssignmentStore, StoredAssignment } from './assignment-store.ts';
import { ticketLifeMs } from './ticket-life.ts';

export interface DeliveryRequest {
  readonly site: string;
  readonly nodes: readonly string[];
  readonly release: Release;
  readonly assignments: readonly string[];
}

export interface Delivery {
  deliver(request: DeliveryRequest): void;
  /** After every delivery that was asked for before it: no decision overtakes its assignment. */
  send(nodes: readonly string[], message: CcmMessage): void;
}

export interface DeliveryOptions {
  readonly store: AssignmentStore;
  readonly gateway: Pick<AgentGateway, 'broadcast' | 'behind'>;
  readonly trees: Pick<Trees, 'expect' | 'leave' | 'supersede' | 'isTooMuchAtOnce' | 'coming'>;
  readonly releaseKey: () => KeyObject;
  /** Origin of the agents' port, no trailing slash. */
  readonly agentUrl: () => string;
  readonly now: () => number;
  /** Files that should be there are not, or cannot be read. */
  readonly onMissing: (request: DeliveryRequest, error: unknown) => void;
}

export function createDelivery(options: DeliveryOptions): Delivery {
  const { store, gateway, trees, releaseKey, agentUrl, now, onMissing } = options;
  const { coming } = trees;
  /** What waits for files to be read, in order; empty as a rule, since what was just built is in memory. */
  const waiting: (() => Promise<void>)[] = [];

  function deliverNow(request: DeliveryRequest, assignments: readonly StoredAssignment[]): void {
    const isFetched = assignments.some(({ inline }) => inline === null);
    const nodes = request.nodes.filter((node) => {
      const mustWait = coming.isHeld(node) || (isFetched && coming.isComing(node));
      if (mustWait) coming.hold(node, () => deliver({ ...request, nodes: [node] }));
      return !mustWait;
    });
    if (nodes.length === 0) return;
    for (const assignment of assignments) sendOne({ ...request, nodes }, assignment);
  }

  function deliver(request: DeliveryRequest): void {
    const known = request.assignments
      .map((id) => store.known(id))
      .filter((assignment) => assignment !== undefined);
    if (waiting.length === 0 && known.length === request.assignments.length) deliverNow(request, known);
    else wait(() => deliverFromFiles(request));
  }

  function sendOne({ site, release, nodes }: DeliveryRequest, assignment: StoredAssignment): void {
    const { id } = assignment;
    const notice = (source: AssignmentSource): CcmMessage => ({
      type: 'assignment',
      site,
      id,
      release,
      source,
    });
    const { inline, manifestBytes, dataBytes } = assignment;
    if (inline !== null && !trees.isTooMuchAtOnce(manifestBytes + dataBytes, nodes)) {
      trees.supersede(site, release, nodes);
      gateway.broadcast(nodes, notice({ kind: 'inline', ...inline }));
      return;
    }
    trees.expect({ site, release, id, manifestBytes, dataBytes }, nodes);
    const address = `${agentUrl()}/assignments/${id}`;
    const urls = { manifestUrl: `${address}/manifest`, dataUrl: `${address}/data` };
    const job = `${site}@${release.epoch}-${release.sequence}`;
    for (const [fetcher, fetching] of fetchersOf(nodes)) {
      const ticket = issueTicket(
        { job, assignment: id, fetcher, expiresAt: now() + ticketLifeMs },
        releaseKey(),
      );
      gateway.broadcast(fetching, notice({ kind: 'url', ...urls, manifestBytes, dataBytes, ticket }));
    }
  }

  function send(nodes: readonly string[], message: CcmMessage): void {
    if (waiting.length === 0) sendNow(nodes, message);
    else wait(async () => sendNow(nodes, message));
  }

  function sendNow(all: readonly string[], message: CcmMessage): void {
    const nodes = all.filter((node) => {
      if (!coming.isHeld(node)) return true;
      coming.hold(node, () => send([node], message));
      return false;
    });
    if (message.type === 'abort') trees.leave(message.site, message.release, nodes);
    if (message.type === 'removed') trees.leave(message.site, null, nodes);
    gateway.broadcast(nodes, message);
  }

  /** Segments first: a leader knows of what it fetches for others before it is told to fetch the same for itself (LEAD-6). */
  function fetchersOf(nodes: readonly string[]): readonly (readonly [string, readonly string[]])[] {
    const behind = Map.groupBy(nodes, (node) => gateway.behind(node)?.segment);
    const own = behind.get(undefined) ?? [];
    const segments = [...behind].flatMap(([segment, members]) =>
      segment === undefined ? [] : [[segmentFetcher(segment), members] as const],
    );
    return [...segments, ...own.map((node) => [node, [node]] as const)];
  }

  async function deliverFromFiles(request: DeliveryRequest): Promise<void> {
    try {
      const found = await Promise.all(request.assignments.map((id) => store.get(id)));
      const assignments = found.filter((assignment) => assignment !== undefined);
      if (assignments.length === found.length) deliverNow(request, assignments);
      else onMissing(request, undefined);
    } catch (error) {
      onMissing(request, error);
    }
  }

  function wait(work: () => Promise<void>): void {
    waiting.push(work);
    if (waiting.length === 1) void runWaiting();
  }

  async function runWaiting(): Promise<void> {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      await next();
      waiting.shift();
    }
  }

  return {
    deliver,
    send,
  };
}
