// Segments as lines for people.

import type { SegmentMemberResource, SegmentResource } from '../model/api.ts';
import type { ControlChannel } from '../model/segment.ts';
import { printable } from './printable.ts';
import { fieldLines } from './resource-lines.ts';
import { tableLines } from './table.ts';
import { bytesText, countText, nothing, timeText } from './text.ts';

export function channelText({ transport, group, port }: ControlChannel): string {
  if (group === null) return `${transport}, port ${port}`;
  return `${transport} ${group.includes(':') ? `[${group}]` : group}:${port}`;
}

/** `19 of 20`, of which the leader is one. */
export function presentText({ members }: Pick<SegmentResource, 'members'>): string {
  return `${members.filter(isPresent).length} of ${members.length}`;
}

export function isPresent({ state }: Pick<SegmentMemberResource, 'state'>): boolean {
  return state === 'leader' || state === 'online';
}

export function leaderText({ leader }: Pick<SegmentResource, 'leader'>): string {
  return leader?.node ?? 'none';
}

export function segmentTable(segments: readonly SegmentResource[]): string[] {
  if (segments.length === 0) return ['There are no segments yet: the first leader that reports makes one.'];
  return tableLines(
    ['SEGMENT', 'LEADER', 'TERM', 'ONLINE', 'CONTROL CHANNEL', 'REFUSED', 'LAST REPORT'],
    segments.map((segment) => [
      segment.name,
      leaderText(segment),
      segment.leader === null ? nothing : String(segment.leader.term),
      presentText(segment),
      channelText(segment.channel),
      segment.refused.map(({ leader }) => leader).join(', ') || nothing,
      timeText(segment.report?.at),
    ]),
  );
}

export function segmentLines(segment: SegmentResource): string[] {
  const { leader, lastLeader, report } = segment;
  const fields: (readonly [string, string])[] = [
    ['segment', segment.name],
    ['id', segment.id],
    ['leader', leader === null ? noLeaderText(lastLeader) : leadingText(leader)],
    ['control channel', channelText(segment.channel)],
    ['online', presentText(segment)],
  ];
  if (report !== null) {
    const triggers = report.triggers.join(', ');
    fields.push(
      ['last report', `${timeText(report.at)} by ${report.leader}, because of: ${triggers}`],
      ['location', printable(`${report.location ?? nothing} (${report.timeZone})`)],
      [
        'leader has',
        `${bytesText(report.freeBytes)} free, ${countText(report.cpus, 'processor')}, ${countText(report.connections, 'connection')}`,
      ],
    );
    if (report.ignoredMembers > 0)
      fields.push([
        'left out',
        `${countText(report.ignoredMembers, 'reported member')} that are no nodes of it`,
      ]);
  }
  const refused = segment.refused.map(
    (part) =>
      `refused: ${part.leader}, term ${part.term}, followed by ${part.members.filter((node) => node !== part.leader).join(', ') || 'nobody'}`,
  );
  return [...fieldLines(fields), ...refused, ...memberTable(segment)];
}

function leadingText({ node, term, since, address }: NonNullable<SegmentResource['leader']>): string {
  const details = [`term ${term}`, ...(since === null ? [] : [`since ${timeText(since)}`])];
  return `${node}${address === null ? '' : ` (${address})`}, ${details.join(', ')}`;
}

function noLeaderText(last: SegmentResource['lastLeader']): string {
  return last === null ? 'none' : `none; before: ${last.node}, term ${last.term}`;
}

function memberTable({ members }: SegmentResource): string[] {
  if (members.length === 0) return ['no nodes'];
  const table = tableLines(
    ['NODE', 'STATE', 'LINK', 'ROLE', 'FACTOR', 'ADDRESS', 'FREE', 'HERE BY'],
    members.map((member) => [
      member.node,
      `${member.state}${member.follows === null ? '' : ` (${member.follows})`}${member.isNew ? ', new' : ''}`,
      member.connected ? 'connected' : 'away',
      roleText(member.role),
      String(member.factor),
      member.address ?? nothing,
      bytesText(member.offer?.freeBytes),
      member.placedBy ?? nothing,
    ]),
  );
  return ['', ...table];
}

function roleText(role: SegmentMemberResource['role']): string {
  if (role === 'never') return 'excluded';
  return role === 'preassigned' ? role : nothing;
}
