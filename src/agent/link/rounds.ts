// A member's part in its leader's rounds of reports (RPT-1 to RPT-10, LEAD-57): which of what it says is a report of a round, and when that goes.
// Everything else goes at once. How it is signed and sent is the caller's.

import type { RoundSubject } from '../../model/leader-messages.ts';
import { compareReleases, type Release } from '../../model/release.ts';
import type { Clock } from '../../net/clock.ts';
import type { AgentReport } from '../../net/link/link-client.ts';
import type { AnnouncedRound, LeaderToMember } from '../../net/relay/member-messages.ts';
import type { Machine } from '../../protocol/machine.ts';
import {
  createReportParticipant,
  type ParticipantEffect,
  type ParticipantInput,
} from '../../protocol/reports/report-participant.ts';
import { isAsked } from '../../protocol/reports/split-request.ts';

/** In the order in which it is to be sent. */
export type RoundWord =
  | { readonly type: 'say'; readonly report: AgentReport }
  | { readonly type: 'report'; readonly round: string; readonly report: AgentReport }
  | { readonly type: 'working'; readonly round: string };

export interface Rounds {
  announced(round: AnnouncedRound): void;
  asked(request: Extract<LeaderToMember, { readonly type: 'report-request' }>): void;
  say(report: AgentReport): void;
  /** There is no connection with that leader any more. */
  clear(): void;
}

export interface RoundsOptions {
  readonly node: string;
  readonly send: (word: RoundWord) => void;
  readonly clock: Clock;
  readonly random: () => number;
}

interface Participation {
  readonly subject: RoundSubject;
  readonly machine: Machine<ParticipantInput<AgentReport>, ParticipantEffect<AgentReport>>;
  isDone: boolean;
}

/** Older ones have long ended. */
const roundsMax = 64;
const collector = 'leader';

export function createRounds({ node, send, clock, random }: RoundsOptions): Rounds {
  const rounds = new Map<string, Participation>();
  /** The last report of each site's staging and switch: a round may become known behind it. */
  const reported = new Map<string, { readonly release: Release; readonly report: AgentReport }>();
  let cancelTimer: (() => void) | undefined;

  function drain(round: string, { machine }: Participation): void {
    for (let effect = machine.pollEffect(); effect !== undefined; effect = machine.pollEffect()) {
      if (effect.effect !== 'send') continue;
      const { message } = effect;
      if (message.type === 'report') send({ type: 'report', round, report: message.report });
      else send({ type: 'working', round });
    }
  }

  function look(): void {
    cancelTimer?.();
    cancelTimer = undefined;
    const now = clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const [id, entry] of rounds) {
      entry.machine.onTimeout(now);
      drain(id, entry);
      next = Math.min(next, entry.machine.nextTimeout() ?? next);
    }
    if (next !== Number.POSITIVE_INFINITY) cancelTimer = clock.after(Math.max(0, next - now), look);
  }

  function finish(entry: Participation, report: AgentReport): void {
    entry.isDone = true;
    entry.machine.handle(clock.now(), { input: 'done', report });
  }

  /** What a site says goes out in the order in which it was said. */
  function flush(site: string): void {
    for (const [id, entry] of rounds) {
      if (entry.subject.site !== site || !entry.isDone) continue;
      entry.machine.onTimeout(Number.POSITIVE_INFINITY);
      drain(id, entry);
    }
  }

  function clear(): void {
    cancelTimer?.();
    cancelTimer = undefined;
    rounds.clear();
    reported.clear();
  }

  return {
    announced({ id, spreadMs, ...subject }) {
      for (const [other, entry] of rounds)
        if (entry.isDone && isSuperseded(entry.subject, subject)) rounds.delete(other);
      const [oldest] = rounds.keys();
      if (rounds.size >= roundsMax && oldest !== undefined) rounds.delete(oldest);
      const entry: Participation = {
        subject,
        machine: createReportParticipant({ node, round: id, collector, spreadMs, random }),
        isDone: false,
      };
      rounds.set(id, entry);
      const known = reported.get(keyOf(subject.site, subject.phase));
      if (known === undefined || compareReleases(known.release, subject.release) !== 0) return;
      finish(entry, known.report);
      look();
    },

    asked({ round, asked, spreadMs }) {
      const entry = rounds.get(round);
      if (entry === undefined) {
        // Nothing to report of it, and not gone either.
        if (isAsked(node, asked)) send({ type: 'working', round });
        return;
      }
      const message = { type: 'report-request' as const, round, asked, spreadMs };
      entry.machine.handle(clock.now(), { input: 'message', from: collector, message });
      look();
    },

    say(report) {
      const facts = factsOf(report);
      let isTaken = false;
      for (const phase of facts?.phases ?? []) {
        const { site, release } = facts as Facts;
        reported.set(keyOf(site, phase), { release, report });
        for (const entry of rounds.values()) {
          if (entry.isDone || entry.subject.phase !== phase || entry.subject.site !== site) continue;
          if (compareReleases(entry.subject.release, release) !== 0) continue;
          finish(entry, report);
          isTaken = true;
        }
      }
      if (!isTaken) {
        if ('site' in report) flush(report.site);
        send({ type: 'say', report });
      }
      look();
    },

    clear,
  };
}

interface Facts {
  readonly site: string;
  readonly release: Release;
  readonly phases: readonly RoundSubject['phase'][];
}

/** Which round a word could end; null: none. */
function factsOf(report: AgentReport): Facts | null {
  switch (report.type) {
    case 'staged':
    case 'switched': {
      const { release } = report.receipt;
      return release === null ? null : { site: report.site, release, phases: [report.type] };
    }
    case 'stageFailed':
      return { site: report.site, release: report.release, phases: ['staged'] };
    case 'stale':
      return { site: report.site, release: report.release, phases: ['switched'] };
    case 'undone':
      return { site: report.site, release: report.release, phases: ['staged', 'switched'] };
    default:
      return null;
  }
}

function keyOf(site: string, phase: RoundSubject['phase']): string {
  return `${phase} ${site}`;
}

function isSuperseded(former: RoundSubject, next: RoundSubject): boolean {
  return (
    former.site === next.site &&
    former.phase === next.phase &&
    compareReleases(former.release, next.release) <= 0
  );
}
