// What the collector of a round of reports and its participants tell each other, and the figures that both go by. What a report says is the
// caller's. Rules: docs/spec/reports.md.

/** One assignment and what is to be done with it, such as staging or switching it. */
export type RoundId = string;

export interface ReportTiming {
  /** Reports and answers are spread so that one comes in so much time, on average. */
  readonly perReportMs: number;
  /** Whoever was asked has so long to answer. */
  readonly answerMs: number;
  /** Whoever is still at work is asked again after so long. */
  readonly workingMs: number;
  /** A participant that left so many requests unanswered is missing. */
  readonly requestsMax: number;
  /** Above this share of the participants one request goes to the group, else one to each. */
  readonly groupAboveShare: number;
  /** After so long the round ends, whoever is still at work. */
  readonly endMs: number;
}

export const reportTiming: ReportTiming = {
  perReportMs: 2,
  answerMs: 500,
  workingMs: 5000,
  requestsMax: 5,
  groupAboveShare: 0.25,
  endMs: 600_000,
};

/** Whom a request to the group means: the shorter of both lists. The `received` mean everybody else, by name behind `after` and up to `upTo`; null: no bound. */
export type Asked =
  | { readonly missing: readonly string[] }
  | {
      readonly received: readonly string[];
      readonly after: string | null;
      readonly upTo: string | null;
    };

export type ReportMessage<Report> =
  /** To the collector alone. */
  | { readonly type: 'report'; readonly round: RoundId; readonly report: Report }
  /** The answer of a participant that has nothing to report yet. */
  | { readonly type: 'working'; readonly round: RoundId }
  | {
      readonly type: 'report-request';
      readonly round: RoundId;
      readonly asked: Asked;
      /** Answers are spread over so much time. */
      readonly spreadMs: number;
    };
