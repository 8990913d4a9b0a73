// The end of a session: who has not said that it is complete is asked, again and again, and each answer is a pass's (R7.2, R7.3). Says whom to ask, when a
// pass is over, and who is silent or comes no nearer; what is then sent to whom is mctp-sender.ts's.

import type { Instant } from '../machine.ts';
import type { Asked } from '../reports/report-message.ts';
import { splitRequest } from '../reports/split-request.ts';
import { countBlocks } from './block-ranges.ts';
import type { UnicastReason } from './mctp-machines.ts';
import type { MctpStatus } from './mctp-messages.ts';
import type { MctpRules } from './mctp-rules.ts';
import type { MctpTiming } from './mctp-timing.ts';
import type { ReceiverEntry, ReceiverTable } from './receiver-table.ts';

export interface Rounds {
  round(): number;
  /** When something is due: a request, or the end of the answers; undefined: not before `settle`. */
  dueAt(): Instant | undefined;
  /** Everything has been sent: the first request comes when those that need none have had time to say so. */
  settle(now: Instant): void;
  /** There is something to be sent again: no request before it is. */
  unsettle(): void;
  /** Whom to ask now, in so many requests; empty: it is not the time. */
  ask(now: Instant): { readonly to: string | null; readonly asked: Asked }[];
  /** An answer, or what was said unasked. */
  heard(now: Instant, entry: ReceiverEntry, status: MctpStatus, blockFrames: number): void;
  /** Whether all have answered, or had the time to. */
  isOver(now: Instant): boolean;
  /** Ends the pass: who is given up, and why. */
  close(now: Instant): { readonly entry: ReceiverEntry; readonly why: UnicastReason }[];
  /** Passes in which nothing became less for anybody. */
  stalePasses(): number;
  /** A sender that was stopped, or whose network was down, has heard nobody: nobody's silence counts. */
  postpone(now: Instant): void;
}

/** After the last frame, beside the spread of the answers. */
const settleMs = 10;

export function createRounds(options: {
  readonly table: ReceiverTable;
  readonly rules: MctpRules;
  readonly timing: MctpTiming;
}): Rounds {
  const { table, rules, timing } = options;
  const spreadMs = rules.spreadMs(timing, table.all().length);
  let round = 0;
  let askAt: Instant | undefined;
  let answersAt: Instant | undefined;
  let answerMs = timing.answerMs;
  let stale = 0;
  let notBefore = 0;

  const receiving = (): ReceiverEntry[] => table.open().filter(({ state }) => state === 'receiving');
  const isAnswered = ({ answered }: ReceiverEntry): boolean => answered === round;

  return {
    round: () => round,
    dueAt: () => answersAt ?? askAt,
    settle(now) {
      if (askAt !== undefined || answersAt !== undefined) return;
      askAt = Math.max(notBefore, now + (round === 0 ? spreadMs + timing.quietMs + settleMs : settleMs));
    },
    unsettle() {
      askAt = undefined;
    },

    ask(now) {
      if (askAt === undefined || now < askAt) return [];
      askAt = undefined;
      round += 1;
      answersAt = now + spreadMs + answerMs;
      const missing = receiving().map(({ node }) => node);
      if (missing.length <= timing.groupAboveShare * table.all().length)
        return missing.map((node) => ({ to: node, asked: { missing: [node] } }));
      const isMissing = new Set(missing);
      const others = table.all().flatMap(({ node }) => (isMissing.has(node) ? [] : [node]));
      return splitRequest(missing, others).map((asked) => ({ to: null, asked }));
    },

    heard(now, entry, { round: answers, missing, absent, forged }, blockFrames) {
      entry.heardAt = now;
      if (answers === 0 || answers !== round) return;
      if (!isAnswered(entry)) entry.lacks = 0;
      entry.answered = round;
      entry.unanswered = 0;
      for (const { lacks } of missing) entry.lacks += lacks;
      entry.lacks += blockFrames * (countBlocks(absent) + forged.length);
    },

    isOver(now) {
      if (answersAt === undefined) return false;
      // Parts of one answer come together.
      return now >= answersAt || receiving().every(isAnswered);
    },

    close(now) {
      const over: { entry: ReceiverEntry; why: UnicastReason }[] = [];
      let lacks = 0;
      let isSilence = false;
      let isProgress = false;
      for (const entry of receiving()) {
        if (isAnswered(entry)) {
          lacks += entry.lacks;
          if (entry.lacks < entry.best) isProgress = true;
          entry.stale = entry.lacks < entry.best ? 0 : entry.stale + 1;
          entry.best = Math.min(entry.best, entry.lacks);
          if (rules.isStuck(timing, entry.stale)) over.push({ entry, why: 'stuck' });
        } else {
          isSilence = true;
          entry.unanswered += 1;
          if (rules.isSilent(timing, entry.unanswered, now - entry.heardAt))
            over.push({ entry, why: 'silent' });
        }
      }
      stale = isProgress ? 0 : stale + 1;
      answerMs = isSilence ? Math.min(2 * answerMs, timing.answerMaxMs) : timing.answerMs;
      answersAt = undefined;
      // Who waits for nothing that is sent here is not asked all the time, and a pass that was of no use is not followed at once: what is in the way
      // may pass.
      const idleMs = isSilence ? settleMs : timing.answerMaxMs;
      const waitMs = lacks === 0 ? idleMs : settleMs * 2 ** Math.min(stale, 10);
      notBefore = now + Math.min(waitMs, timing.answerMaxMs);
      askAt = notBefore;
      return over;
    },

    stalePasses: () => stale,

    postpone(now) {
      for (const entry of receiving()) entry.heardAt = Math.max(entry.heardAt, now);
      if (answersAt !== undefined) answersAt = Math.max(answersAt, now + spreadMs + answerMs);
    },
  };
}
