// Runs the calls to one target: some at a time, tried again with growing delays, others go on when one is refused.
// A target that does not answer is given up at once, so that thousands of calls do not each wait for it.

import { setTimeout as pause } from 'node:timers/promises';
import { CallFailure, type PurgeStep } from './purge-work.ts';

export interface StepsOutcome {
  readonly calls: number;
  /** URLs the cache was found to hold; undefined when it did not say. */
  readonly held: readonly string[] | undefined;
  readonly settled: readonly string[];
  /** Not done, and worth another try; `reason` of the first. */
  readonly owed: {
    readonly items: readonly string[];
    readonly reason: string;
    readonly denied: boolean;
  } | null;
  readonly refused: readonly { readonly items: readonly string[]; readonly reason: string }[];
}

export interface StepsLimits {
  readonly concurrency: number;
  /** Tries of one call in all. */
  readonly attempts: number;
  readonly retryDelayMs: number;
  readonly signal: AbortSignal;
}

/** So many calls in a row given up as busy: the target is. */
const busyInRowMax = 5;
const delayMaxMs = 60_000;

export async function runSteps(steps: readonly PurgeStep[], limits: StepsLimits): Promise<StepsOutcome> {
  const { signal, attempts } = limits;
  const settled: string[] = [];
  const held: string[] = [];
  const owed: string[] = [];
  const refused: { items: readonly string[]; reason: string }[] = [];
  let [calls, next, busyInRow, pausedUntilMs] = [0, 0, 0, 0];
  let saysHeld = false;
  let owedReason: { readonly reason: string; readonly denied: boolean } | undefined;
  /** Why nothing more is sent to the target. */
  let givenUp = false;

  function giveUp(failure: CallFailure, step: PurgeStep): void {
    owed.push(...step.settles);
    owedReason ??= { reason: failure.message, denied: failure.kind === 'denied' };
    if (failure.kind === 'busy') busyInRow += 1;
    if (failure.kind !== 'busy' || busyInRow >= busyInRowMax) givenUp = true;
  }

  async function runOne(step: PurgeStep): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await pauseUntil(pausedUntilMs, signal);
        if (givenUp) {
          owed.push(...step.settles);
          return;
        }
        calls += 1;
        const found = await step.run(signal);
        if (found !== undefined) {
          saysHeld = true;
          held.push(...found);
        }
        settled.push(...step.settles);
        busyInRow = 0;
        return;
      } catch (error) {
        const failure = asFailure(error, signal);
        if (failure.kind === 'refused') {
          refused.push({ items: step.settles, reason: failure.message });
          return;
        }
        if (failure.kind === 'denied' || attempt >= attempts || signal.aborted) {
          giveUp(failure, step);
          return;
        }
        const delayMs = failure.retryAfterMs ?? limits.retryDelayMs * 2 ** (attempt - 1);
        // The others wait too: a cache that asks for patience means everybody.
        pausedUntilMs = Math.max(pausedUntilMs, Date.now() + Math.min(delayMs, delayMaxMs));
      }
    }
  }

  async function work(): Promise<void> {
    for (let step = steps[next]; step !== undefined; step = steps[next]) {
      next += 1;
      await runOne(step);
    }
  }

  await Promise.all(Array.from({ length: Math.min(limits.concurrency, steps.length) }, work));
  return {
    calls,
    settled,
    refused,
    held: saysHeld ? held : undefined,
    owed: owedReason === undefined ? null : { items: owed, ...owedReason },
  };
}

async function pauseUntil(atMs: number, signal: AbortSignal): Promise<void> {
  const restMs = atMs - Date.now();
  if (restMs > 0) await pause(restMs, undefined, { signal });
  signal.throwIfAborted();
}

function asFailure(error: unknown, signal: AbortSignal): CallFailure {
  if (signal.aborted) return new CallFailure('unreachable', 'stopped at its time limit');
  if (error instanceof CallFailure) return error;
  throw error;
}
