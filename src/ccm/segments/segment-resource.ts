// Segments and what nodes say of their elections, as the API shows them.

import type {
  BehindResource,
  NodeElectionResource,
  SegmentMemberResource,
  SegmentPartResource,
  SegmentResource,
  SegmentTrafficResource,
} from '../../model/api.ts';
import type { ReportedMember } from '../../model/segment.ts';
import type { BelievedReport } from '../db/schema.ts';
import type { Behind } from '../gateway/leaders/member-connection.ts';
import type { NodeRecord } from '../registry/node-registry.ts';
import type { Registry } from '../registry/registry.ts';
import type { SegmentRecord } from '../registry/segment-registry.ts';
import type { SegmentLeaders } from './segment-leaders.ts';
import type { SegmentLinks } from './segment-links.ts';
import type { SegmentRounds } from './segment-rounds.ts';
import type { SegmentSessions } from './segment-sessions.ts';
import type { HeldReport } from './segments.ts';

export interface SegmentView {
  readonly registry: Registry;
  readonly leaders: Pick<SegmentLeaders, 'of' | 'refused'>;
  readonly links: Pick<SegmentLinks, 'stateOf'>;
  readonly isConnected: (node: string) => boolean;
  readonly behind: (node: string) => Behind | null;
  readonly roundsOf: SegmentRounds['of'];
  readonly sessionsOf: SegmentSessions['of'];
  readonly trafficOf: (segment: string) => SegmentTrafficResource | null;
  readonly reportOf: (leader: string) => HeldReport | undefined;
}

/** What a leader said last, to this CCM or to one before its start. */
export function lastReport({ registry, reportOf }: SegmentView, leader: string): BelievedReport | undefined {
  const held = reportOf(leader)?.believed;
  if (held !== undefined) return held;
  const stored = registry.segments.find(registry.nodes.find(leader)?.segment ?? '')?.report;
  return stored?.leader === leader ? stored : undefined;
}

export function segmentResource(view: SegmentView, segments: readonly SegmentRecord[]): SegmentResource[] {
  const nodes = Map.groupBy(view.registry.nodes.list(), ({ segment }) => segment);
  const newNodes = view.registry.groups.newNodes();
  return segments.map((segment) => {
    const accepted = view.leaders.of(segment.id);
    const held = accepted === null ? undefined : view.reportOf(accepted.leader);
    const report = held?.believed ?? segment.report;
    const at = held?.at ?? segment.reportedAt;
    // The last one's word on its members counts as long as it, or the CCM's waiting for it, lasts.
    const listed = accepted?.leader === report?.leader ? (report?.members ?? []) : [];
    const parts = view.leaders.refused(segment.id).map(({ leader, term }) => ({
      leader,
      term,
      members: view.reportOf(leader)?.believed.members ?? [],
    }));
    const members = (nodes.get(segment.id) ?? []).map((node) =>
      memberResource(view, node, {
        isNew: newNodes.has(node.name),
        isLeader: node.name === accepted?.leader,
        listed: listed.find((member) => member.node === node.name),
        part: parts.find((part) => part.members.some((member) => member.node === node.name)),
      }),
    );
    const isAcceptedSince = accepted !== null && segment.leader?.node === accepted.leader;
    return {
      name: segment.name,
      id: segment.id,
      createdAt: timeOf(segment.createdAt),
      channel: segment.channel,
      rate: segment.rate,
      wanRate: segment.wanRate,
      leader:
        accepted === null
          ? null
          : {
              node: accepted.leader,
              term: accepted.term,
              since: isAcceptedSince ? timeOf(segment.leader.acceptedAt) : null,
              address: listed.find(({ node }) => node === accepted.leader)?.address ?? null,
            },
      lastLeader: segment.leader === null ? null : { node: segment.leader.node, term: segment.leader.term },
      refused: parts.map(
        (part): SegmentPartResource => ({
          ...part,
          members: part.members.map(({ node }) => node),
        }),
      ),
      report:
        report === null || at === null
          ? null
          : {
              at: timeOf(at),
              leader: report.leader,
              term: report.term,
              triggers: report.triggers,
              location: report.location,
              timeZone: report.timeZone,
              freeBytes: report.freeBytes,
              cpus: report.cpus,
              connections: report.connections,
              ignoredMembers: held?.ignored ?? 0,
            },
      members,
      ...view.roundsOf(segment.id),
      traffic: view.trafficOf(segment.id),
      sessions: view.sessionsOf(segment.id),
    };
  });
}

function memberResource(
  view: SegmentView,
  node: NodeRecord,
  facts: {
    readonly isNew: boolean;
    readonly isLeader: boolean;
    readonly listed: ReportedMember | undefined;
    readonly part: { readonly leader: string } | undefined;
  },
): SegmentMemberResource {
  const { isLeader, listed, part } = facts;
  const own = view.links.stateOf(node.name)?.state;
  return {
    node: node.name,
    state: isLeader
      ? 'leader'
      : listed?.online === true
        ? 'online'
        : part !== undefined
          ? 'apart'
          : listed === undefined
            ? 'unreported'
            : 'offline',
    follows: part?.leader ?? null,
    connected: view.isConnected(node.name),
    behind: behindResource(view.behind(node.name)),
    isNew: facts.isNew,
    placedBy: node.segmentBy,
    role: node.leadRole,
    factor: node.leadFactor,
    address: own?.address ?? listed?.address ?? null,
    offer: listed?.offer ?? null,
  };
}

export function nodeElection(view: SegmentView, node: NodeRecord): NodeElectionResource | null {
  const last = view.links.stateOf(node.name);
  if (last === undefined) return null;
  const { state, at } = last;
  return {
    saidAt: timeOf(at),
    state: state.state,
    term: state.term,
    leader: state.leader,
    priority: state.priority,
    priorityTerms: state.priorityTerms,
    aliveAt: state.aliveAgoMs === null ? null : timeOf(Math.max(0, at - state.aliveAgoMs)),
    address: state.address,
    port: state.port,
    transport: state.transport,
    reason: state.reason,
    heard: state.heard.map((id) => view.registry.segments.find(id)?.name ?? id),
    dropped: state.dropped,
  };
}

export function behindResource(behind: Behind | null): BehindResource | null {
  return behind && { leader: behind.leader, since: timeOf(behind.since) };
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}
