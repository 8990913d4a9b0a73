// The rounds of reports of a leader (RPT-1 to RPT-12, LEAD-29): each piece of work that is handed to members begins one. Runs the collectors, says who is
// asked, and tells the CCM how each round ended.

import { randomBytes } from 'node:crypto';
import type { LeaderAgentMessage, RoundSubject } from '../../model/leader-messages.ts';
import { compareReleases } from '../../model/release.ts';
import type { Clock } from '../../net/clock.ts';
import type { AnnouncedRound, LeaderToMember } from '../../net/relay/member-messages.ts';
import { createReportCollector, type ReportCollector } from '../../protocol/reports/report-collector.ts';
import { type ReportTiming, reportTiming } from '../../protocol/reports/report-message.ts';
import type { AgentLog } from '../session/agent-log.ts';

export interface Rounds {
  /** Before the work is told; `absent` cannot be told it. Rounds about older releases of that site end. */
  start(
    subject: RoundSubject,
    nodes: readonly string[],
    absent: readonly string[],
    workMs: number,
  ): AnnouncedRound;
  /** Of a member whose report goes up, or who says that it is at work. */
  heard(round: string, node: string, what: 'report' | 'working'): void;
  /** Older releases of a site are of no interest any more. */
  supersede(site: string, below: RoundSubject['release']): void;
  running(): readonly (RoundSubject & { readonly reported: number; readonly of: number })[];
  /** Nobody is to be told any more how they end. */
  clear(): void;
}

export interface RoundsOptions {
  readonly tell: (nodes: readonly string[], message: LeaderToMember) => void;
  /** After what was reported. */
  readonly sayUp: (message: LeaderAgentMessage) => void;
  readonly giveUp: (node: string) => void;
  readonly clock: Clock;
  readonly log: AgentLog;
}

/** Members of a segment are near, and their leader has no more to do with a report than to hand it on. */
export const leaderReportTiming: ReportTiming = { ...reportTiming, perReportMs: 0.2 };

interface Running {
  readonly subject: RoundSubject;
  readonly nodes: readonly string[];
  readonly absent: readonly string[];
  readonly collector: ReportCollector<true>;
  readonly reported: Set<string>;
  cancel: (() => void) | undefined;
}

export function createRounds(options: RoundsOptions): Rounds {
  const { clock, log } = options;
  const rounds = new Map<string, Running>();
  /** A member may remember rounds of another leader, or of this one before its restart. */
  const lifeId = randomBytes(8).toString('hex');
  let count = 0;

  function end(id: string, working: readonly string[], missing: readonly string[]): void {
    const round = rounds.get(id);
    if (round === undefined) return;
    rounds.delete(id);
    round.cancel?.();
    const { subject, absent, reported } = round;
    const all = [...missing, ...absent].sort();
    options.sayUp({ type: 'roundReport', ...subject, reported: reported.size, working, missing: all });
    for (const node of missing) options.giveUp(node);
    const data = { ...subject, reported: reported.size, working: working.length, missing: all.slice(0, 10) };
    if (all.length > 0) log.warn(data, 'some members did not report');
    else log.debug(data, 'a round of reports has ended');
  }

  function pump(id: string): void {
    const round = rounds.get(id);
    if (round === undefined) return;
    const { collector, nodes } = round;
    for (let effect = collector.pollEffect(); effect !== undefined; effect = collector.pollEffect()) {
      if (effect.effect === 'send') {
        const { to, message } = effect;
        if (message.type === 'report-request') options.tell('group' in to ? nodes : [to.node], message);
      } else if (effect.effect === 'deliver' && effect.fact.fact === 'consolidated') {
        const { working, missing } = effect.fact.consolidated;
        end(id, working, missing);
        return;
      }
    }
    round.cancel?.();
    const next = collector.nextTimeout();
    if (next === undefined) return;
    round.cancel = clock.after(Math.max(0, Math.ceil(next - clock.now())), () => {
      collector.onTimeout(clock.now());
      pump(id);
    });
  }

  function supersede(site: string, below: RoundSubject['release']): void {
    for (const [id, { subject, nodes, reported }] of rounds) {
      if (subject.site !== site || compareReleases(subject.release, below) >= 0) continue;
      end(id, nodes.filter((node) => !reported.has(node)).sort(), []);
    }
  }

  return {
    start(subject, nodes, absent, workMs) {
      supersede(subject.site, subject.release);
      count += 1;
      const id = `${lifeId}-${count}`;
      const collector = createReportCollector<true>({
        now: clock.now(),
        round: id,
        participants: nodes,
        workMs,
        timing: leaderReportTiming,
      });
      rounds.set(id, { subject, nodes, absent, collector, reported: new Set(), cancel: undefined });
      pump(id);
      return { ...subject, id, spreadMs: collector.spreadMs };
    },
    heard(id, from, what) {
      const round = rounds.get(id);
      if (round === undefined || !round.nodes.includes(from)) return;
      const message =
        what === 'report'
          ? ({ type: what, round: id, report: true } as const)
          : ({ type: what, round: id } as const);
      if (what === 'report') round.reported.add(from);
      round.collector.handle(clock.now(), { input: 'message', from, message });
      pump(id);
    },
    supersede,
    running: () =>
      [...rounds.values()].map(({ subject, nodes, reported }) => ({
        ...subject,
        reported: reported.size,
        of: nodes.length,
      })),
    clear() {
      for (const round of rounds.values()) round.cancel?.();
      rounds.clear();
    },
  };
}
