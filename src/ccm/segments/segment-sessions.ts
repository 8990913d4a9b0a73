// Multicast sessions, as accepted leaders tell of them (LEAD-83): those that run, and the last ones. In memory; nothing depends on it. One that did not
// go as it should is in the event log.

import type { LeaderAgentMessage } from '../../model/leader-messages.ts';
import type { MulticastSession } from '../../model/multicast-session.ts';
import type { MulticastSessionResource } from '../../model/segment-resources.ts';
import type { Clock } from '../../net/clock.ts';
import type { EventInput } from '../registry/event-log.ts';

export type SessionsWord = Extract<LeaderAgentMessage, { type: 'leaderSessions' }>;
type Segment = { readonly id: string; readonly name: string };

export interface SegmentSessions {
  /** `isKnown`: a site, or a node, that the leader may speak of. */
  said(
    segment: Segment,
    leader: string,
    sessions: readonly MulticastSession[],
    isKnown: { site(name: string): boolean; node(name: string): boolean },
  ): void;
  /** Its leader has no session with the CCM any more: nobody tells how it goes on. */
  lost(segment: Segment): void;
  /** Those that run, then the last that ended, the newest first. */
  of(segment: string): readonly MulticastSessionResource[];
}

interface Kept {
  readonly running: Map<string, MulticastSessionResource>;
  ended: readonly MulticastSessionResource[];
  /** Of those that ended, those of which nobody has said how. */
  untold: ReadonlySet<MulticastSessionResource>;
  /** Events of this minute. */
  events: number;
  minute: number;
}

const endedMax = 20;
const runningMax = 64;
const eventsPerMinute = 30;
const minuteMs = 60_000;

export function createSegmentSessions(
  clock: Pick<Clock, 'now'>,
  append: (event: EventInput) => void,
): SegmentSessions {
  const bySegment = new Map<string, Kept>();

  function keptOf({ id }: Segment): Kept {
    const kept = bySegment.get(id) ?? {
      running: new Map(),
      ended: [],
      untold: new Set(),
      events: 0,
      minute: 0,
    };
    bySegment.set(id, kept);
    return kept;
  }

  function end(kept: Kept, { name }: Segment, session: MulticastSessionResource): void {
    kept.running.delete(session.id);
    // Said again, since the leader does not know whether it was heard.
    if (kept.ended.some(({ id, assignment }) => id === session.id && assignment === session.assignment))
      return;
    kept.ended = [session, ...kept.ended].slice(0, endedMax);
    const { site, leader, assignment, receivers, incomplete, problem, loss } = session;
    if (problem === null && receivers.failed + receivers.unicast === 0) return;
    const minute = Math.floor(clock.now() / minuteMs);
    if (kept.minute !== minute) kept.events = 0;
    kept.minute = minute;
    kept.events += 1;
    if (kept.events > eventsPerMinute) return;
    const data = { segment: name, leader, assignment, receivers, loss, problem, incomplete };
    append({ actor: leader, kind: 'segment.multicastProblem', site, node: leader, data });
  }

  /** Its leader is back, and knows more of it. */
  function recall(kept: Kept, { id, assignment }: MulticastSession): void {
    const found = [...kept.untold].find((each) => each.id === id && each.assignment === assignment);
    if (found === undefined) return;
    kept.untold = new Set([...kept.untold].filter((each) => each !== found));
    kept.ended = kept.ended.filter((each) => each !== found);
  }

  return {
    said(segment, leader, sessions, isKnown) {
      const kept = keptOf(segment);
      const at = clock.now();
      for (const session of sessions) {
        if (!isKnown.site(session.site)) continue;
        recall(kept, session);
        const before = kept.running.get(session.id);
        const resource: MulticastSessionResource = {
          ...session,
          incomplete: session.incomplete.filter(({ node }) => isKnown.node(node)),
          leader,
          startedAt: before?.startedAt ?? new Date(at - Math.min(session.tookMs, at)).toISOString(),
          endedAt: session.isRunning ? null : new Date(at).toISOString(),
        };
        if (!session.isRunning) end(kept, segment, resource);
        else if (before !== undefined || kept.running.size < runningMax)
          kept.running.set(session.id, resource);
      }
    },
    lost(segment) {
      const kept = bySegment.get(segment.id);
      const endedAt = new Date(clock.now()).toISOString();
      if (kept === undefined) return;
      for (const running of [...kept.running.values()]) {
        const problem = `Leader ${running.leader} is accepted no more, or its link ended.`;
        const session = { ...running, isRunning: false, endedAt, problem };
        end(kept, segment, session);
        kept.untold = new Set([...kept.untold, session].filter((each) => kept.ended.includes(each)));
      }
    },
    of(segment) {
      const kept = bySegment.get(segment);
      return kept === undefined ? [] : [...[...kept.running.values()].reverse(), ...kept.ended];
    },
  };
}
