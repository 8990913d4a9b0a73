// What one believed report tells that the one before did not, as events; and whether there is anything worth writing down.

import type { BelievedReport } from '../db/schema.ts';
import type { EventInput } from '../registry/event-log.ts';

/** Beyond so many they are told in one. */
const eventsMax = 50;
const namesMax = 20;

/** Of the members: who came, left, fell silent, is back. */
export function reportChanges(
  segment: string,
  before: BelievedReport | null,
  now: BelievedReport,
): EventInput[] {
  const former = new Map(before?.members.map((member) => [member.node, member]));
  const event = (kind: string, node: string): EventInput => ({
    actor: now.leader,
    kind: `segment.${kind}`,
    node,
    data: { segment, leader: now.leader, term: now.term },
  });
  const changes = now.members.flatMap(({ node, online }) => {
    const known = former.get(node);
    former.delete(node);
    if (known === undefined) return online ? [event('memberJoined', node)] : [event('memberOffline', node)];
    if (known.online === online) return [];
    return [event(online ? 'memberReturned' : 'memberOffline', node)];
  });
  // Whom a new leader does not list has perhaps not registered with it yet.
  const isSameReign = before?.leader === now.leader && before.term === now.term;
  const left = isSameReign ? [...former.keys()].map((node) => event('memberLeft', node)) : [];
  const all = [...changes, ...left];
  if (all.length <= eventsMax) return all;
  // A cut of half a large segment is one event, with how many of each kind and some of the names.
  const kinds = Map.groupBy(all, ({ kind }) => kind.replace('segment.member', '').toLowerCase());
  const counts: Record<string, { readonly count: number; readonly nodes: readonly unknown[] }> = {};
  for (const [kind, events] of kinds)
    counts[kind] = { count: events.length, nodes: events.slice(0, namesMax).map(({ node }) => node) };
  const { leader, term } = now;
  return [
    {
      actor: leader,
      kind: 'segment.membersChanged',
      data: { segment, leader, term, ...counts },
    },
  ];
}

/** Whether the rows would say something else: numbers that move by themselves are not worth a write each time. */
export function isNews(before: BelievedReport | null, now: BelievedReport): boolean {
  return before === null || steadyPart(before) !== steadyPart(now);
}

function steadyPart(report: BelievedReport): string {
  const { leader, term, members, location, timeZone, cpus } = report;
  return JSON.stringify([
    leader,
    term,
    location,
    timeZone,
    cpus,
    [...members]
      .sort((a, b) => (a.node < b.node ? -1 : 1))
      .map(({ node, online, address, port, capabilities, offer }) => [
        node,
        online,
        address,
        port,
        capabilities,
        offer?.maintenance,
      ]),
  ]);
}
