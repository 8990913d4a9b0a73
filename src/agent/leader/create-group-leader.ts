// Puts a node's part for the others of its segment together: the segment port, the members behind it, their rounds, and what it holds for them. What
// comes over the node's own link from the CCM goes to them here.

import type { LeaderCcmMessage, RelayedMessage, RoundSubject } from '../../model/leader-messages.ts';
import { compareReleases } from '../../model/release.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { steadyClock, systemClock } from '../../net/clock.ts';
import type { AgentReport } from '../../net/link/link-client.ts';
import type { AnnouncedRound } from '../../net/relay/member-messages.ts';
import { verifyTicket } from '../../net/tickets/ticket.ts';
import { createMulticastOffers } from '../multicast/multicast-offers.ts';
import type { AssignmentMessage } from '../session/receive-assignment.ts';
import { reportableError } from '../session/reportable-error.ts';
import { handOutsPath } from '../tree/hand-out-endpoint.ts';
import { createTreeRelays } from '../tree/tree-relays.ts';
import { createContentEndpoint } from './content-endpoint.ts';
import { createContentFetcher } from './content-fetcher.ts';
import type { GroupLeader, GroupLeaderOptions, LeaderLimits } from './group-leader.ts';
import { createMemberHub } from './member-hub.ts';
import { createMulticastRates } from './multicast-rates.ts';
import { createMulticastSessions } from './multicast-sessions.ts';
import { createRelayStore, type RelayStore, type WantedContent } from './relay-store.ts';
import { createRounds } from './rounds.ts';
import { createSegmentPort } from './segment-port.ts';
import { createTunnels } from './tunnel.ts';
import { createWanTraffic } from './wan-traffic.ts';

type Relay = Extract<LeaderCcmMessage, { readonly type: 'relay' }>;

const limitsDefault: LeaderLimits = {
  pingIntervalMs: 1_000,
  blockWaitMs: 5_000,
  keepMs: 900_000,
  tunnelIdleMs: 60_000,
  strangerTunnelsMax: 8,
  nodeTunnelsMax: 16,
  tunnelsMax: 512,
};
/** A leader whose session is so young asks members first for what it is to hold: they may have it from another one. */
const successorMs = 60_000;
/** LEAD-29: nobody is asked for a report before. */
const workMs = { small: 2_000, large: 5_000 } as const;

export function createGroupLeader(options: GroupLeaderOptions): GroupLeader {
  const { node, segment, releaseKeys, log } = options;
  const clock = options.clock ?? steadyClock;
  const limits = { ...limitsDefault, ...options.limits };
  let session: string | null = null;
  let sessionSince = Number.NEGATIVE_INFINITY;
  let closed = false;

  // Before the CCM has given this link a session it takes no such word on it.
  const sendAsLeader = (message: AgentReport): boolean => session !== null && options.send(message);
  const traffic = createWanTraffic({ send: sendAsLeader, clock, wallNow: systemClock.now });
  const fetcher = createContentFetcher({
    ...options,
    clock,
    pace: traffic.fetch,
    // An address of one link is none of a URL's.
    holders() {
      if (clock.now() - sessionSince >= successorMs) return [];
      const connected = new Set(hub.members().map((member) => member.node));
      const { others } = segment.view();
      return others.filter((other) => connected.has(other.node) && !other.address.includes('%'));
    },
  });
  const store: RelayStore = createRelayStore({
    ...options,
    clock,
    keepMs: limits.keepMs,
    verifySignature: releaseKeys.verify,
    onLost: (assignment, what) => tree.lost(assignment, what),
  });
  const tree = createTreeRelays({
    ...options,
    keys: releaseKeys.keys,
    segment: () => segment.view().segment,
    store: () => store,
    fetcher,
    pace: traffic.fetch,
    send: (message) => void options.send(message),
    clock,
    times: options.treeTimes,
    order: options.treeOrder ?? 'together',
    isBeingServed: ({ site, release }) =>
      rounds
        .running()
        .some((round) => round.site === site && round.phase === 'staged' && isSame(round.release, release)),
  });
  const hub = createMemberHub({
    segment: () => segment.view().segment,
    send: (message) => void options.send(message),
    onRound: (round, from, what) => rounds.heard(round, from, what),
    onJoin: (from, { session: id, lacks }) => multicast?.answered(from, id, lacks),
    onGone: (from) => multicast?.left(from),
    clock,
    log,
  });
  const rounds = createRounds({ tell: hub.tell, sayUp: hub.sayUp, giveUp: hub.giveUp, clock, log });
  const rates = createMulticastRates({ clock, wallNow: systemClock.now });
  const sessions = createMulticastSessions({ send: sendAsLeader, clock, log });
  const multicast =
    options.multicast &&
    createMulticastOffers({ ...options.multicast, tell: hub.tell, rates, sessions, log });
  const tunnels = createTunnels({ ...options, limits, clock });
  const content = createContentEndpoint({
    store,
    received: options.received,
    ticketKeys: releaseKeys.keys,
    now: options.ccmNow,
    segment: () => segment.view().segment,
    blockWaitMs: limits.blockWaitMs,
    tree: {
      isOwn: (name) => hub.isOpen(name) || segment.view().others.some((other) => other.node === name),
      serve: tree.serve,
      pace: traffic.serve,
    },
  });
  const port = createSegmentPort({
    ...options,
    isRevoked: segment.isRevoked,
    onMember: hub.admit,
    onRequest: (request, response, from) =>
      request.url === handOutsPath ? tree.takeHandOut(request, response) : content(request, response, from),
    tunnels,
  });

  let cancelTick = clock.after(limits.pingIntervalMs, tick);
  function tick(): void {
    hub.tick();
    port.tick();
    tree.tick();
    cancelTick = clock.after(limits.pingIntervalMs, tick);
  }

  function useSession(of: string, next: string | null): void {
    if (next !== null && next !== session) sessionSince = clock.now();
    if (next !== session) {
      rounds.clear();
      multicast?.clear();
      log.info({ segment: of }, next === null ? 'this node leads no members' : 'this node may lead members');
    }
    session = next;
    if (next === null) rates.receive(null);
    else sessions.heard();
    hub.useSession(of, next);
  }

  function relay({ nodes, message }: Relay): void {
    const open = nodes.filter(hub.isOpen);
    const absent = nodes.filter((name) => !hub.isOpen(name));
    const isShared = message.type === 'assignment' && wantsMulticast(message, open);
    hub.tell(open, {
      type: 'work',
      message,
      round: roundFor(message, open, absent),
      ...(isShared ? { multicast: true } : {}),
    });
    const isFetched = message.type === 'assignment' && message.source.kind === 'url';
    if (isFetched && open.length > 0) hold(message, open, isShared);
    if (message.type === 'decision' && open.length > 1 && isForAll(open))
      options.onDecision?.(message.decision);
  }

  /** The group's word reaches all members, and those that are not named have their turn later, as while nodes are drained (JOB-19). */
  function isForAll(open: readonly string[]): boolean {
    const named = new Set(open);
    return hub.members().every(({ node: member, state }) => state === 'connected' || named.has(member));
  }

  function roundFor(
    message: RelayedMessage,
    open: readonly string[],
    absent: readonly string[],
  ): AnnouncedRound | null {
    const subject = subjectOf(message);
    if (message.type === 'abort') rounds.supersede(message.site, next(message.release));
    if (subject === null) return null;
    const isLarge = message.type === 'assignment' && message.source.kind === 'url';
    return rounds.start(subject, open, absent, isLarge ? workMs.large : workMs.small);
  }

  function wantsMulticast({ id, source }: AssignmentMessage, open: readonly string[]): boolean {
    return source.kind === 'url' && (multicast?.wants(id, source.dataBytes, open) ?? false);
  }

  function hold(message: AssignmentMessage, open: readonly string[], isShared: boolean): void {
    const { id, site } = message;
    const giveUp = (error: TreecastError, isProblem: boolean): void => {
      if (isProblem) {
        const wire = reportableError(error, null);
        hub.sayUp({ type: 'leaderProblem', site, assignment: id, error: wire });
      }
      hub.tell(open, { type: 'fetchFromCcm', assignment: id });
      if (isProblem) multicast?.withdraw(id);
    };
    // A ticket of one node's alone: what it is for is no other's business.
    const refusal = ticketRefusal(message);
    if (refusal !== null) giveUp(refusal, false);
    else {
      const held = store.want(wanted(message), (error) => giveUp(error, error.code !== 'ABORTED'));
      if (isShared) multicast?.offer(held, open);
    }
  }

  /** Down the tree, if the CCM or another leader said so. */
  function wanted(message: AssignmentMessage): WantedContent {
    const { id, site } = message;
    return tree.wanted(message) ?? { id, site, supply: fetcher.supplyOf(message) };
  }

  function ticketRefusal({ id, source }: AssignmentMessage): TreecastError | null {
    if (source.kind === 'inline') return null;
    try {
      verifyTicket(source.ticket, {
        keys: releaseKeys.keys(),
        assignment: id,
        fetcher: node,
        segment: segment.view().segment,
        now: options.ccmNow(),
      });
      return null;
    } catch (error) {
      if (error instanceof TreecastError) return error;
      throw error;
    }
  }

  return {
    listenAt: port.listenAt,
    receive(message) {
      if (closed) return;
      if (message.type === 'leaderSession') useSession(message.segment, message.session);
      else if (message.type === 'relay') relay(message);
      else if (message.type === 'leaderLimits') {
        rates.receive(message);
        traffic.receive(message);
      } else if (message.type === 'relayAnswer') hub.answer(message.node, message.answer, message.error);
      else tree.receive(message);
    },
    linkDown() {
      tree.linkDown();
      if (session !== null) useSession(segment.view().segment, null);
    },
    heldContent(message) {
      const leads = session !== null && hub.members().some(({ state }) => state !== 'connected');
      if (message.source.kind === 'inline' || !(leads || tree.has(message.id))) return null;
      return ticketRefusal(message) === null ? store.want(wanted(message), () => undefined) : null;
    },
    status: () => ({
      port: port.place(),
      isLeading: session !== null,
      members: hub.members(),
      rounds: rounds.running(),
      contents: store.contents(),
      tree: tree.status(),
      multicast: sessions.running(),
      bytesPerSecondMax: rates.ofSegment(),
      tunnels: tunnels.count(),
    }),
    async close() {
      closed = true;
      cancelTick();
      rounds.clear();
      await multicast?.close();
      sessions.close();
      rates.close();
      traffic.close();
      hub.close();
      tunnels.close();
      await port.close();
      await store.close();
      tree.close();
    },
  };
}

/** Null: nobody reports about it. */
function subjectOf(message: RelayedMessage): RoundSubject | null {
  if (message.type === 'assignment') return { site: message.site, release: message.release, phase: 'staged' };
  if (message.type === 'decision')
    return { site: message.decision.site, release: message.decision.release, phase: 'switched' };
  return null;
}

function isSame(one: RoundSubject['release'], other: RoundSubject['release']): boolean {
  return compareReleases(one, other) === 0;
}

/** The first release behind it. */
function next({ epoch, sequence }: RoundSubject['release']): RoundSubject['release'] {
  return { epoch, sequence: sequence + 1 };
}
