// The newest list of members that this node knows, put together from its parts, which may come in any order, twice or not at all. What is
// missing it keeps from the list before, so that a node that becomes leader forgets nobody.

import { type ControlMessage, type ListedMember, segmentMembersMax } from '../../model/segment.ts';
import type { RegistrationRules } from './registration-rules.ts';

export type ListPart = Extract<ControlMessage, { type: 'member-list' }>;

export interface ListView {
  /** Lists are counted anew with each leader and term. */
  begin(): void;
  take(part: ListPart): 'dropped' | 'part' | 'whole';
  /** The newest list of which no part is missing; 0: none of this leader and term. */
  whole(): number;
  /** Sorted by name. */
  members(): readonly ListedMember[];
  /** A leader's own list, sorted by name. */
  replace(members: readonly ListedMember[]): void;
  /** Until its leader's list says otherwise: this one is not whole any more. */
  drop(node: string): void;
}

type Members = readonly ListedMember[];

export function createListView(node: string, rules: RegistrationRules): ListView {
  /** The last whole list. */
  let known: Members = [];
  let newest = 0;
  let whole = 0;
  let parts: (Members | undefined)[] = [];

  return {
    begin() {
      known = union(known, parts);
      newest = 0;
      whole = 0;
      parts = [];
    },

    take(part) {
      if (rules.isOldList(part.list, newest) || part.list < 1) return 'dropped';
      if (part.part < 0 || part.part >= part.parts || part.parts > segmentMembersMax) return 'dropped';
      if (part.list !== newest) {
        known = union(known, parts);
        newest = part.list;
        parts = Array.from({ length: part.parts }, () => undefined);
      }
      if (part.parts !== parts.length) return 'dropped';
      // A part that has come before tells nothing that is new, but it shows that the leader still says so.
      if (whole === newest) return 'part';
      parts[part.part] = part.members;
      if (parts.includes(undefined)) return 'part';
      whole = newest;
      known = sorted(parts.flatMap((each) => each ?? []).slice(0, segmentMembersMax));
      parts = Array.from({ length: part.parts }, () => undefined);
      return 'whole';
    },

    whole: () => whole,
    members: () => union(known, parts),
    replace(members) {
      known = members;
      parts = [];
    },
    drop(gone) {
      if (gone === node || !union(known, parts).some((member) => member.node === gone)) return;
      // A late word of a former life, perhaps: what its leader lists is asked for by the next `here`.
      whole = 0;
      known = known.filter((member) => member.node !== gone);
      parts = parts.map((part) => part?.filter((member) => member.node !== gone));
    },
  };
}

/** What newer parts say counts; usually there is nothing to unite. */
function union(known: Members, parts: readonly (Members | undefined)[]): Members {
  if (parts.every((part) => part === undefined)) return known;
  const united = new Map(known.map((member) => [member.node, member]));
  for (const part of parts)
    for (const member of part ?? []) if (united.size < segmentMembersMax) united.set(member.node, member);
  return sorted([...united.values()]);
}

/** Leaders say them in order; parts of somebody's invention may not be. */
function sorted(members: Members): Members {
  const isSorted = members.every(
    (member, index) => index === 0 || (members[index - 1]?.node ?? '') < member.node,
  );
  if (isSorted) return members;
  return [...new Map(members.map((member) => [member.node, member])).values()].sort((left, right) =>
    left.node < right.node ? -1 : 1,
  );
}
