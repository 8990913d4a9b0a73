// Segments as lines for people.

import type { SegmentMemberResource, SegmentResource } from '../model/api.ts';
import { bytesPerMbit, type RateLimit } from '../model/rate-limit.ts';
import { releaseName } from '../model/release.ts';
import type { ControlChannel } from '../model/segment.ts';
import { multicastLines } from './multicast-lines.ts';
import { printable } from './printable.ts';
import { fieldLines } from './resource-lines.ts';
import { tableLines } from './table.ts';
import { bytesText, countText, nothing, timeText } from './text.ts';

export function channelText({ transport, group, port }: ControlChannel): string {
  if (group === null) return `${transport}, port ${port}`;
  return `${transport} ${group.includes(':') ? `[${group}]` : group}:${port}`;
}

/** `at most 200 Mbit/s; 08:00–18:00 50 Mbit/s`; a CCM of before leaders says nothing. */
export function rateText(rate: RateLimit | null | undefined): string {
  if (rate == null) return 'no limit';
  const text = (mbit: number | null): string => (mbit === null ? 'no limit' : `at most ${mbit} Mbit/s`);
  const hours = rate.hours.map(({ from, to, mbit }) => `${from} to ${to} ${text(mbit)}`);
  return [text(rate.mbit), ...hours].join('; ');
}

/** The limit, and what was moved lately. */
function wanText({ wanRate, traffic }: Partial<Pick<SegmentResource, 'wanRate' | 'traffic'>>): string {
  const limit = rateText(wanRate);
  if (traffic == null) return limit;
  const { servedBytes, fetchedBytes, tookMs, bytesPerSecondMax, leader, at } = traffic;
  const now = bytesPerSecondMax === null ? [] : [`at most ${bytesPerSecondMax / bytesPerMbit} Mbit/s then`];
  const moved = [`${leader} served ${bytesText(servedBytes)}`, `fetched ${bytesText(fetchedBytes)}`, ...now];
  return `${limit}; in ${Math.max(1, Math.round(tookMs / 1_000))} s until ${timeText(at)} ${moved.join(', ')}`;
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
    ['multicast', rateText(segment.rate)],
    ['to and from elsewhere', wanText(segment)],
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
  fields.push(...workFields(segment));
  const refused = segment.refused.map(
    (part) =>
      `refused: ${part.leader}, term ${part.term}, followed by ${part.members.filter((node) => node !== part.leader).join(', ') || 'nobody'}`,
  );
  return [...fieldLines(fields), ...refused, ...memberTable(segment), ...multicastLines(segment.sessions)];
}

/** What the leader last said of its work; a CCM of before leaders says nothing. */
function workFields({
  rounds = [],
  problems = [],
}: Partial<Pick<SegmentResource, 'rounds' | 'problems'>>): (readonly [string, string])[] {
  const [round] = rounds;
  const [problem] = problems;
  const fields: (readonly [string, string])[] = [];
  if (round !== undefined) {
    const { working, missing } = round;
    const rest = [
      ...(working.length === 0 ? [] : [`at work: ${working.join(', ')}`]),
      ...(missing.length === 0 ? [] : [`missing: ${missing.join(', ')}`]),
    ];
    const done = [`${round.reported} reported`, ...rest].join(', ');
    const what = `${round.site} ${releaseName(round.release)} ${round.phase}`;
    fields.push(['last round', printable(`${timeText(round.at)}, ${what}: ${done}`)]);
  }
  if (problem !== undefined) {
    const { code, message } = problem.error;
    fields.push([
      'last problem',
      printable(`${timeText(problem.at)}, ${problem.site}: ${message} (${code})`),
    ]);
  }
  return fields;
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
      linkText(member),
      roleText(member.role),
      String(member.factor),
      member.address ?? nothing,
      bytesText(member.offer?.freeBytes),
      member.placedBy ?? nothing,
    ]),
  );
  return ['', ...table];
}

function linkText({ connected, behind }: SegmentMemberResource): string {
  if (!connected) return 'away';
  return behind == null ? 'connected' : `behind ${behind.leader}`;
}

function roleText(role: SegmentMemberResource['role']): string {
  if (role === 'never') return 'excluded';
  return role === 'preassigned' ? role : nothing;
}
