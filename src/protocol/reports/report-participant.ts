// One participant of a round of reports: reports when its work is done, and whenever it is asked. It does not know whether its report arrived;
// the collector does.

import type { Effect, Instant, Machine } from '../machine.ts';
import type { ReportMessage, RoundId } from './report-message.ts';
import { isAsked } from './split-request.ts';

export interface ParticipantOptions {
  readonly node: string;
  readonly round: RoundId;
  /** Who collects. */
  readonly collector: string;
  /** As the collector announced it with the work: participants times `perReportMs`. */
  readonly spreadMs: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export type ParticipantInput<Report> =
  | { readonly input: 'message'; readonly from: string; readonly message: ReportMessage<Report> }
  /** The work is done, for better or worse; said once. */
  | { readonly input: 'done'; readonly report: Report }
  /** Another one collects from now on. */
  | { readonly input: 'collector'; readonly node: string };

export type ParticipantEffect<Report> = Effect<ReportMessage<Report>, never, never>;

export function createReportParticipant<Report>(
  options: ParticipantOptions,
): Machine<ParticipantInput<Report>, ParticipantEffect<Report>> {
  const { node, round, spreadMs, random } = options;
  const effects: ParticipantEffect<Report>[] = [];
  let { collector } = options;
  let done: { readonly report: Report } | null = null;
  let sayAt: Instant | undefined;

  /** One word answers all that was asked meanwhile. */
  function sayWithin(now: Instant, withinMs: number): void {
    const at = now + random() * withinMs;
    if (sayAt === undefined || at < sayAt) sayAt = at;
  }

  return {
    handle(now, input) {
      if (input.input === 'done') {
        done ??= { report: input.report };
        sayWithin(now, spreadMs);
      } else if (input.input === 'collector') {
        if (input.node === collector) return;
        collector = input.node;
        // RPT-10: the new one knows nothing of what the former one was told.
        if (done !== null) sayWithin(now, spreadMs);
      } else {
        const { from, message } = input;
        if (message.type !== 'report-request' || from !== collector || message.round !== round) return;
        if (isAsked(node, message.asked)) sayWithin(now, message.spreadMs);
      }
    },

    onTimeout(now) {
      if (sayAt === undefined || sayAt > now) return;
      sayAt = undefined;
      const said = done === null ? { type: 'working' as const } : { type: 'report' as const, ...done };
      effects.push({ effect: 'send', to: { node: collector }, message: { ...said, round } });
    },

    pollEffect: () => effects.shift(),
    nextTimeout: () => sayAt,
  };
}
