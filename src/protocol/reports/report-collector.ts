// Collects the reports of one round: knows who reported, asks who did not, and ends with one consolidated report, always. How it travels to the
// CCM, and what is decided by it, is not its matter.

import type { Effect, Instant, Machine } from '../machine.ts';
import { type ReportMessage, type ReportTiming, type RoundId, reportTiming } from './report-message.ts';
import { splitRequest } from './split-request.ts';

export interface CollectorOptions {
  /** When the work was handed out. */
  readonly now: Instant;
  readonly round: RoundId;
  /** The collector's own node too, if it takes part. */
  readonly participants: readonly string[];
  /** Nobody is asked for so long: what the work takes. */
  readonly workMs: number;
  readonly timing?: ReportTiming;
}

export interface CollectorInput<Report> {
  readonly input: 'message';
  readonly from: string;
  readonly message: ReportMessage<Report>;
}

/** Each participant is in one of the three, sorted by name. */
export interface Consolidated<Report> {
  readonly round: RoundId;
  readonly reported: readonly { readonly node: string; readonly report: Report }[];
  /** Said last that they are still at it, when the time was over. */
  readonly working: readonly string[];
  /** Left all requests unanswered. */
  readonly missing: readonly string[];
  /** How often the group, or a participant alone, was asked. */
  readonly requests: { readonly toGroup: number; readonly toOne: number };
}

export type CollectorFact<Report> =
  /** Exactly once. */
  | { readonly fact: 'consolidated'; readonly consolidated: Consolidated<Report> }
  /** From a participant that the consolidated report has not. */
  | { readonly fact: 'late'; readonly node: string; readonly report: Report };

export type CollectorEffect<Report> = Effect<ReportMessage<Report>, never, CollectorFact<Report>>;

export interface ReportCollector<Report> extends Machine<CollectorInput<Report>, CollectorEffect<Report>> {
  /** To announce with the work: over how much time reports are spread. */
  readonly spreadMs: number;
}

interface Row<Report> {
  report: { readonly report: Report } | null;
  isWorking: boolean;
  unanswered: number;
  askAt: Instant;
}

const never = Number.POSITIVE_INFINITY;

export function createReportCollector<Report>(options: CollectorOptions): ReportCollector<Report> {
  const { now: startedAt, round, timing = reportTiming } = options;
  const { perReportMs, answerMs } = timing;
  const effects: CollectorEffect<Report>[] = [];
  const nodes = [...new Set(options.participants)].sort();
  const spreadMs = nodes.length * perReportMs;
  let endAt = startedAt + Math.max(timing.endMs, options.workMs);
  const firstAskAt = startedAt + options.workMs + spreadMs + answerMs;
  const rows = new Map<string, Row<Report>>();
  for (const node of nodes)
    rows.set(node, { report: null, isWorking: false, unanswered: 0, askAt: firstAskAt });
  const requests = { toGroup: 0, toOne: 0 };
  let isEnded = false;

  const isOpen = (row: Row<Report>): boolean => row.report === null && row.askAt !== never;

  function nextTimeout(): Instant | undefined {
    if (isEnded) return undefined;
    let next = endAt;
    let openCount = 0;
    for (const row of rows.values()) {
      if (!isOpen(row)) continue;
      openCount += 1;
      next = Math.min(next, row.askAt);
    }
    return openCount === 0 ? startedAt : next;
  }

  /** RPT-8 */
  function endIfDone(now: Instant): void {
    const open = [...rows].filter(([, row]) => isOpen(row));
    if (isEnded || (open.length > 0 && now < endAt)) return;
    isEnded = true;
    const consolidated: Consolidated<Report> = {
      round,
      reported: [...rows].flatMap(([node, { report }]) => (report === null ? [] : [{ node, ...report }])),
      working: open.filter(([, row]) => row.isWorking).map(([node]) => node),
      missing: [...rows].flatMap(([node, row]) =>
        row.report === null && !(isOpen(row) && row.isWorking) ? [node] : [],
      ),
      requests,
    };
    effects.push({ effect: 'deliver', fact: { fact: 'consolidated', consolidated } });
  }

  /** RPT-4: the group when many are missing, else one after the other. */
  function ask(now: Instant): void {
    const due: [string, Row<Report>][] = [];
    for (const [node, row] of rows) {
      if (!isOpen(row) || row.askAt > now) continue;
      if (row.unanswered < timing.requestsMax) due.push([node, row]);
      else row.askAt = never;
    }
    if (due.length === 0) return;
    const missing = due.map(([node]) => node);
    if (missing.length > timing.groupAboveShare * nodes.length) askGroup(now, missing);
    else {
      for (const [index, [, row]] of due.entries()) row.askAt = now + index * perReportMs;
      askOne(now, due[0] as [string, Row<Report>]);
    }
  }

  function askGroup(now: Instant, missing: readonly string[]): void {
    requests.toGroup += 1;
    const answersMs = missing.length * perReportMs;
    const others = nodes.filter((node) => !missing.includes(node));
    for (const asked of splitRequest(missing, others))
      send({ group: true }, { type: 'report-request', round, asked, spreadMs: answersMs });
    for (const node of missing) {
      const row = rows.get(node) as Row<Report>;
      row.unanswered += 1;
      row.askAt = now + answersMs + answerMs;
    }
  }

  function askOne(now: Instant, [node, row]: [string, Row<Report>]): void {
    requests.toOne += 1;
    row.unanswered += 1;
    row.askAt = now + answerMs;
    send({ node }, { type: 'report-request', round, asked: { missing: [node] }, spreadMs: 0 });
  }

  function send(to: { group: true } | { node: string }, message: ReportMessage<Report>): void {
    effects.push({ effect: 'send', to, message });
  }

  return {
    spreadMs,

    handle(now, { from, message }) {
      const row = rows.get(from);
      if (row === undefined || message.round !== round || message.type === 'report-request') return;
      if (message.type === 'working') {
        if (isEnded) return;
        row.isWorking = true;
        row.unanswered = 0;
        row.askAt = now + timing.workingMs;
        return;
      }
      // RPT-9: the first one counts.
      if (row.report !== null) return;
      row.report = { report: message.report };
      if (isEnded)
        effects.push({ effect: 'deliver', fact: { fact: 'late', node: from, report: message.report } });
      else endIfDone(now);
    },

    onTimeout(now) {
      if (isEnded) return;
      // RPT-12: answers to a paused collector are waiting to be read.
      if (now - (nextTimeout() ?? now) > answerMs) {
        endAt = Math.max(endAt, now + answerMs);
        for (const row of rows.values()) if (isOpen(row)) row.askAt = Math.max(row.askAt, now + answerMs);
      }
      ask(now);
      endIfDone(now);
    },

    pollEffect: () => effects.shift(),
    nextTimeout,
  };
}
