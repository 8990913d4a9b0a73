// The newest list of members that this node knows, put together from its parts, which may come in any order, twice or not at all. What is
// missing it keeps from the list before, so that a node that becomes leader forgets nobody.

import type { ControlMessage, ListedMember } from '../../model/segment.ts';
import type { RegistrationRules } from './registration-rules.ts';

export type ListPart = Extract<ControlMessage, { type: 'member-list' }>;

/** More than any segment has; parts beyond are somebody's mistake. */
export const membersMax = 4_000;

export interface ListView {
  /** Lists are counted anew with each leader and term. */
  begin(): void;
  take(part: ListPart): 'dropped' | 'part' | 'whole';
  /** The newest list of which no part is missing; 0: none of this leader and term. */
  whole(): number;
  /** Sorted by name. */
  members(): readonly ListedMember[];
  /** A leader's own list. */
  replace(members: readonly ListedMember[]): void;
  drop(node: string): void;
}

export function createListView(node: string, rules: RegistrationRules): ListView {
  let known = new Map<string, ListedMember>();
  let newest = 0;
  let whole = 0;
  let parts: (readonly ListedMember[] | undefined)[] = [];

  return {
    begin() {
      newest = 0;
      whole = 0;
      parts = [];
    },

    take(part) {
      if (rules.isOldList(part.list, newest) || part.list < 1) return 'dropped';
      if (part.part < 0 || part.part >= part.parts || part.parts > membersMax) return 'dropped';
      if (part.list !== newest) {
        newest = part.list;
        parts = Array.from({ length: part.parts }, () => undefined);
      }
      if (part.parts !== parts.length) return 'dropped';
      // A part that has come before tells nothing that is new, but it shows that the leader still says so.
      parts[part.part] = part.members;
      for (const member of part.members) if (known.size < membersMax) known.set(member.node, member);
      if (whole === newest || parts.includes(undefined)) return 'part';
      whole = newest;
      known = new Map(parts.flatMap((each) => each ?? []).map((member) => [member.node, member]));
      return 'whole';
    },

    whole: () => whole,
    members: () => [...known.values()].sort((left, right) => (left.node < right.node ? -1 : 1)),
    replace(members) {
      known = new Map(members.map((member) => [member.node, member]));
    },
    drop(gone) {
      if (gone !== node) known.delete(gone);
    },
  };
}
