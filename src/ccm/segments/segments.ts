// Segments on the CCM: takes what nodes say of theirs, finds out where nodes belong and whom to accept, writes it down, tells them, and
// shows it. The rules are docs/spec/segments.md; delivery has nothing to do with it.

import type { Logger } from 'pino';
import type { NodeElectionResource, SegmentResource } from '../../model/api.ts';
import type { CcmMessage, Hello } from '../../model/messages.ts';
import { unassignedSegment } from '../../model/segment.ts';
import type { SegmentAgentMessage } from '../../model/segment-messages.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { Clock } from '../../net/clock.ts';
import type { BelievedReport } from '../db/schema.ts';
import type { Behind } from '../gateway/leaders/member-connection.ts';
import type { NodeRecord } from '../registry/node-registry.ts';
import type { Registry } from '../registry/registry.ts';
import type { SegmentRecord } from '../registry/segment-registry.ts';
import { createLeaderLimits } from './leader-limits.ts';
import { createNewestWins } from './newest-wins.ts';
import { isNews, reportChanges } from './report-changes.ts';
import { createSegmentAsking } from './segment-asking.ts';
import { createSegmentLeaders } from './segment-leaders.ts';
import { createSegmentLinks, type NodeState, type SegmentSettings } from './segment-links.ts';
import { heardSegment, type PlacesView, wentTo } from './segment-places.ts';
import { lastReport, nodeElection, type SegmentView, segmentResource } from './segment-resource.ts';
import { createSegmentRounds, type LeadersWord } from './segment-rounds.ts';
import { createSegmentSessions, type SessionsWord } from './segment-sessions.ts';
import { createSegmentTraffic, type TrafficWord } from './segment-traffic.ts';

type Report = Extract<SegmentAgentMessage, { type: 'segmentReport' }>;

export interface HeldReport {
  readonly segment: string;
  /** As it came. */
  readonly said: Report;
  /** Without members that are none of the segment's. */
  readonly believed: BelievedReport;
  readonly ignored: number;
  readonly at: number;
  /** The how manyth word of a node to this CCM it was. */
  readonly word: number;
}

export interface Segments {
  connected(node: string, hello: Pick<Hello, 'profiles'>, isBehind?: boolean): void;
  /** Its welcome was sent. */
  welcomed(node: string): void;
  /** Throws MESSAGE_INVALID, which closes the connection. */
  message(node: string, message: SegmentAgentMessage): void;
  /** What an accepted leader says of its work. */
  leaderSaid(node: string, word: LeadersWord | SessionsWord | TrafficWord): void;
  disconnected(node: string): void;
  removed(node: string): void;
  /** Operators changed what nodes are told. */
  changed(): void;
  /** Sites, their limits or who receives them are others. */
  sitesChanged(): void;
  /** This node is to lead its segment now, if it can: who leads makes way. */
  preferred(node: string): void;
  list(): SegmentResource[];
  /** Throws NOT_FOUND. */
  get(name: string): SegmentResource;
  /** The last one of this leader, without what it had no business with; also one from before the CCM's start. */
  reportOf(leader: string): BelievedReport | undefined;
  electionOf(node: NodeRecord): NodeElectionResource | null;
  /** Has the leader report now, and waits for it. Throws NOT_FOUND, CONFLICT (no leader), DEFERRED (no answer). */
  ask(name: string, signal: AbortSignal): Promise<SegmentResource>;
  close(): void;
}

export interface SegmentsOptions {
  readonly registry: Registry;
  readonly send: (node: string, message: CcmMessage) => void;
  readonly isConnected: (node: string) => boolean;
  /** Behind which leader it is; null: it has a link of its own, or none. */
  readonly behind: (node: string) => Behind | null;
  /** The leader may speak for nodes of the segment from now on; null: nobody. True: it was told of a new session. */
  readonly appoint: (segment: string, leader: string | null) => boolean;
  /** `fast` when it is left out. */
  readonly settings?: SegmentSettings | undefined;
  /** While nothing can be written, nobody is accepted. */
  readonly health: { readonly waitsFor: TreecastError | undefined };
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'warn' | 'error'>;
}

interface Word<Message> {
  readonly message: Message;
  readonly word: number;
}

/** Terms tell that within a segment; each segment counts its own. */
function isNewer(state: NodeState, word: number, led: HeldReport): boolean {
  return state.segment === led.said.segment ? state.term >= led.said.term : word > led.word;
}

const fix = 'Look at the agent on this node; upgrade it.';
const wordIntervalMs = 250;
/** By then the one that is to lead knows of it. */
const resignAfterMs = 500;
/** An election in its own segment lasts less. */
const wanderingMs = 10_000;

export function createSegments(options: SegmentsOptions): Segments {
  const { registry, logger, settings = { preset: 'fast', timers: {} } } = options;
  let isClosed = false;
  /** Timers that outlive nothing and break nothing. */
  const clock: Clock = {
    now: options.clock.now,
    after: (delayMs, run) => options.clock.after(delayMs, () => isClosed || caught(null, run)),
  };
  const links = createSegmentLinks({ ...options, clock, settings });
  /** By leader, accepted or not: its last one. */
  const reports = new Map<string, HeldReport>();
  const wandering = new Map<string, () => void>();
  const leaders = createSegmentLeaders({
    registry,
    links,
    clock,
    appoint,
    onSucceeded(segment, leader) {
      const held = reports.get(leader);
      if (held?.segment === segment) believe(segment, held.believed);
    },
  });
  const asking = createSegmentAsking(clock);
  const limits = createLeaderLimits({ registry, send: options.send, speaksTree: links.speaksTree });
  const traffic = createSegmentTraffic(clock);
  const sessions = createSegmentSessions(clock, registry.events.append);
  const rounds = createSegmentRounds(clock, registry.events.append);
  let words = 0;
  const takenReports = createNewestWins<Word<Report>>(wordIntervalMs, clock, (node, { message, word }) => {
    quietly(node, () => take(node, message, word));
  });
  const takenStates = createNewestWins<Word<NodeState>>(wordIntervalMs, clock, (node, { message, word }) => {
    quietly(node, () => said(node, message, word));
  });
  const places: PlacesView = {
    segment: registry.segments.find,
    nodesOf: (id) => registry.nodes.list().filter(({ segment }) => segment === id),
    accepted: leaders.of,
    othersWith: (leader) =>
      reports.get(leader)?.believed.members.filter(({ node, online }) => online && node !== leader).length ??
      0,
  };

  /** What fails here (the database) is no fault of the node's, and is tried again with its next word. */
  function caught(node: string | null, work: () => void): void {
    try {
      work();
    } catch (error) {
      logger.error({ err: error, node }, 'what is known of segments could not be taken up');
    }
  }

  function quietly(node: string, work: () => void): void {
    if (!isClosed && options.health.waitsFor === undefined) caught(node, work);
  }

  function requireHonest(node: string, message: SegmentAgentMessage): void {
    if (!links.isTold(node))
      throw new TreecastError('MESSAGE_INVALID', 'The agent speaks of a segment that it was not told of.', {
        fix,
      });
    if (message.type !== 'segmentReport') return;
    if (message.leader === node && message.members.some((member) => member.node === node)) return;
    throw new TreecastError('MESSAGE_INVALID', 'The agent reports a segment that it does not lead.', { fix });
  }

  /** Undefined: the report is not its sender's to make. A leader without a segment is given one here. */
  function segmentOf(record: NodeRecord, { segment }: Report): string | undefined {
    if (record.segment !== null) {
      return segment === record.segment || segment === unassignedSegment ? record.segment : undefined;
    }
    if (segment !== unassignedSegment) {
      // SEG-4: nodes remember their segment when the database was copied back from before it, or an operator took them out of it.
      place(record.name, places.segment(segment) ?? registry.segments.make(record.name, segment), 'heard');
      return segment;
    }
    const heard = heardSegment(links.stateOf(record.name)?.state, places);
    const given = heard ?? registry.segments.make(record.name);
    place(record.name, given, heard === undefined ? 'new' : 'heard');
    return given.id;
  }

  function place(node: string, { id }: SegmentRecord, by: 'heard' | 'new'): void {
    if (registry.segments.place(node, id, by, node)) links.tellSoon();
  }

  /** Both say so: the leader lists it, and it follows that leader. */
  function follows(member: string, { leader, segment }: Report): boolean {
    const state = links.stateOf(member)?.state;
    return state?.leader === leader && (state.segment === segment || state.segment === unassignedSegment);
  }

  function believable(id: string, said: Report): Pick<HeldReport, 'believed' | 'ignored'> {
    const nodes = new Map(registry.nodes.list().map((node) => [node.name, node]));
    const segment = registry.segments.find(id);
    let ignored = 0;
    const members = said.members.filter(({ node }) => {
      const record = nodes.get(node);
      if (record?.segment === id) return true;
      const isJoining = record?.segment === null && segment !== undefined && follows(node, said);
      if (isJoining) place(node, segment, 'heard');
      else if (record?.segment !== null) ignored += 1;
      return isJoining;
    });
    const { type: _, segment: __, ...report } = said;
    return { believed: { ...report, members }, ignored };
  }

  function take(node: string, said: Report, word: number): void {
    const record = registry.nodes.find(node);
    if (record === undefined) return;
    const segment = segmentOf(record, said);
    if (segment === undefined) {
      links.tellAgain(node);
      return;
    }
    const held = { segment, said, ...believable(segment, said), at: clock.now(), word };
    if (held.ignored > 0 && held.ignored !== reports.get(node)?.ignored)
      logger.warn(
        { node, ignored: held.ignored },
        'a leader reported members that are none of its segment’s',
      );
    reports.set(node, held);
    if (!leaders.claimed(segment, { leader: node, term: said.term }, said.segment)) return;
    believe(segment, held.believed);
    if (said.triggers.includes('operator')) asking.answered(segment);
  }

  function believe(id: string, report: BelievedReport): void {
    const segment = registry.segments.find(id);
    if (segment === undefined) return;
    const before = segment.report;
    if (isNews(before, report))
      registry.segments.reported(id, report, reportChanges(segment.name, before, report));
  }

  function said(node: string, state: NodeState, word: number): void {
    links.said(node, state);
    const led = reports.get(node);
    const isLeading = state.state === 'leading' || state.state === 'votingOpen';
    if (led !== undefined && !isLeading && isNewer(state, word, led)) gone(node, 'resigned');
    const record = registry.nodes.find(node);
    if (record === undefined) return;
    if (record.segment === null) {
      const heard = heardSegment(state, places);
      const leader = reports.get(state.leader ?? '');
      if (heard !== undefined && !isLeading) place(node, heard, 'heard');
      else if (leader?.said.members.some((member) => member.node === node))
        take(leader.said.leader, leader.said, leader.word);
    }
    wander(node, record);
  }

  /** SEG-6: only what lasts longer than an election counts. */
  function wander(node: string, record: NodeRecord): void {
    const to = wentTo(record, links.stateOf(node)?.state, places);
    if (to === undefined) {
      wandering.get(node)?.();
      wandering.delete(node);
    } else if (!wandering.has(node)) {
      wandering.set(
        node,
        clock.after(wanderingMs, () => {
          wandering.delete(node);
          quietly(node, () => {
            const now = registry.nodes.find(node);
            const still = now && wentTo(now, links.stateOf(node)?.state, places);
            if (still === undefined) return;
            for (const moving of still.nodes) {
              gone(moving, 'moved');
              place(moving, still.to, 'heard');
            }
          });
        }),
      );
    }
  }

  function appoint(id: string, leader: string | null): void {
    const hasBegun = options.appoint(id, leader);
    if (leader !== null && !hasBegun) return;
    const segment = registry.segments.find(id);
    if (segment !== undefined) sessions.lost(segment);
    limits.began(id, leader);
  }

  function gone(node: string, because: 'link' | 'resigned' | 'removed' | 'moved'): void {
    takenReports.forget(node);
    reports.delete(node);
    leaders.gone(node, because);
  }

  function leave(node: string, because: 'link' | 'removed'): void {
    takenStates.forget(node);
    wandering.get(node)?.();
    wandering.delete(node);
    quietly(node, () => gone(node, because));
  }

  const view: SegmentView = {
    registry,
    leaders,
    links,
    isConnected: options.isConnected,
    behind: options.behind,
    roundsOf: rounds.of,
    sessionsOf: sessions.of,
    trafficOf: traffic.of,
    reportOf: (leader) => reports.get(leader),
  };

  function get(name: string): SegmentResource {
    const [resource] = segmentResource(view, [registry.segments.get(name)]);
    return resource as SegmentResource;
  }

  return {
    connected: links.connected,
    welcomed: links.welcomed,
    message(node, message) {
      requireHonest(node, message);
      words += 1;
      if (message.type === 'segmentReport') takenReports.offer(node, { message, word: words });
      else takenStates.offer(node, { message, word: words });
    },
    leaderSaid(node, word) {
      quietly(node, () => {
        const segment = registry.segments.find(leaders.ledBy(node) ?? '');
        if (segment === undefined || leaders.of(segment.id)?.leader !== node) return;
        const members = new Set(places.nodesOf(segment.id).map(({ name }) => name));
        const isMember = (name: string): boolean => members.has(name);
        const isSite = (name: string): boolean => registry.sites.find(name) !== undefined;
        if (word.type === 'leaderSessions')
          sessions.said(segment, node, word.sessions, { site: isSite, node: isMember });
        else if (word.type === 'leaderTraffic') traffic.said(segment.id, node, word);
        else if (isSite(word.site)) rounds.said(segment, node, word, isMember);
      });
    },
    disconnected(node) {
      // When the CCM stops, nobody is gone.
      if (isClosed) return;
      links.disconnected(node);
      leave(node, 'link');
    },
    removed(node) {
      links.forget(node);
      leave(node, 'removed');
      links.tellRevocations();
      links.tellSoon();
    },
    changed() {
      for (const { name, segment } of registry.nodes.list()) {
        const led = leaders.ledBy(name);
        if (led !== undefined && led !== segment) gone(name, 'moved');
      }
      links.tellSoon();
      limits.changed();
    },
    sitesChanged: limits.changed,
    preferred(node) {
      links.tellAgain(node);
      clock.after(resignAfterMs, () => {
        const record = registry.nodes.find(node);
        const accepted = leaders.of(record?.segment ?? '');
        if (record?.leadRole !== 'preassigned' || accepted === null || accepted.leader === node) return;
        if (options.isConnected(node)) links.send(accepted.leader, { type: 'segmentResign' });
      });
    },
    list: () => segmentResource(view, registry.segments.list()),
    get,
    reportOf: (leader) => lastReport(view, leader),
    electionOf: (node) => nodeElection(view, node),
    async ask(name, signal) {
      const { id } = registry.segments.get(name);
      const accepted = leaders.of(id);
      if (accepted === null || !options.isConnected(accepted.leader)) {
        throw new TreecastError(
          'CONFLICT',
          `Segment ${name} has no leader at the moment that could report.`,
          {
            fix: 'See who is in it and connected: treecast segment show.',
          },
        );
      }
      const answer = asking.wait(id, name, signal);
      links.send(accepted.leader, { type: 'segmentAsked', trigger: 'operator' });
      await answer;
      return get(name);
    },
    close() {
      isClosed = true;
      leaders.close();
      takenReports.close();
      takenStates.close();
      for (const cancel of wandering.values()) cancel();
    },
  };
}
