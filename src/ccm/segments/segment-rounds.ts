// What accepted leaders say of their work: rounds of reports that ended, and what they could not do (LEAD-9). Nothing depends on it: what became
// of a node it says itself. In memory, the last ones of each segment; what somebody should look at is in the event log as well.

import type { SegmentProblemResource, SegmentRoundResource } from '../../model/api.ts';
import type { LeaderAgentMessage } from '../../model/leader-messages.ts';
import type { Clock } from '../../net/clock.ts';
import type { EventInput } from '../registry/event-log.ts';

export type LeadersWord = Extract<LeaderAgentMessage, { type: 'roundReport' | 'leaderProblem' }>;

export interface SegmentRounds {
  /** `isMember`: a name that the leader may speak of. */
  said(
    segment: { readonly id: string; readonly name: string },
    leader: string,
    word: LeadersWord,
    isMember: (node: string) => boolean,
  ): void;
  /** The newest first. */
  of(segment: string): {
    readonly rounds: readonly SegmentRoundResource[];
    readonly problems: readonly SegmentProblemResource[];
  };
}

interface Kept {
  rounds: readonly SegmentRoundResource[];
  problems: readonly SegmentProblemResource[];
  /** Events of this minute. */
  events: number;
  minute: number;
}

const keptMax = 8;
const namesMax = 20;
const eventsPerMinute = 30;
const minuteMs = 60_000;

export function createSegmentRounds(
  clock: Pick<Clock, 'now'>,
  append: (event: EventInput) => void,
): SegmentRounds {
  const bySegment = new Map<string, Kept>();

  function keptOf(segment: string): Kept {
    const kept = bySegment.get(segment) ?? { rounds: [], problems: [], events: 0, minute: 0 };
    bySegment.set(segment, kept);
    return kept;
  }

  /** A leader that says it without end fills memory and log no further. */
  function tell(kept: Kept, event: EventInput): void {
    const minute = Math.floor(clock.now() / minuteMs);
    if (kept.minute !== minute) {
      kept.minute = minute;
      kept.events = 0;
    }
    kept.events += 1;
    if (kept.events <= eventsPerMinute) append(event);
  }

  return {
    said({ id, name }, leader, word, isMember) {
      const kept = keptOf(id);
      const at = new Date(clock.now()).toISOString();
      const { site } = word;
      if (word.type === 'leaderProblem') {
        const { assignment, error } = word;
        kept.problems = [{ at, leader, site, assignment, error }, ...kept.problems].slice(0, keptMax);
        const data = {
          segment: name,
          leader,
          assignment,
          error: { code: error.code, message: error.message },
        };
        tell(kept, { actor: leader, kind: 'segment.leaderProblem', site, node: leader, data });
        return;
      }
      const { release, phase, reported } = word;
      const working = word.working.filter(isMember);
      const missing = word.missing.filter(isMember);
      const round = { at, leader, site, release, phase, reported, working, missing };
      kept.rounds = [round, ...kept.rounds].slice(0, keptMax);
      // Who is at work yet is waited for by the job; a newer release ends the round of an older one.
      if (missing.length === 0) return;
      const named = (nodes: readonly string[]) => ({ count: nodes.length, nodes: nodes.slice(0, namesMax) });
      const data = {
        segment: name,
        leader,
        release,
        phase,
        reported,
        working: named(working),
        missing: named(missing),
      };
      tell(kept, { actor: leader, kind: 'segment.roundIncomplete', site, node: leader, data });
    },
    of(segment) {
      const { rounds = [], problems = [] } = bySegment.get(segment) ?? {};
      return { rounds, problems };
    },
  };
}
