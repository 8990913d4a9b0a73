// Runs the core: events enter a queue, a batch of them is applied, its rows are written in one transaction, then its other
// effects are carried out. Nothing is sent before what it rests on is in the database: while that takes no writes, everything waits.

import type { Decision, SignedDecision } from '../../model/receipt.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import { apply } from '../core/apply.ts';
import { type ActEffect, type Effect, isPersist } from '../core/effects.ts';
import { type CoreEvent, type CoreTimer, timerKey } from '../core/events.ts';
import type { CoreState } from '../core/state.ts';
import { endedPhases } from '../core/state.ts';
import type { DatabaseHealth } from './database-health.ts';
import type { CorePersistence } from './persist.ts';

/** A batch that could not be written is tried again this often. */
const retryMs = 1_000;
/** What waits meanwhile, at most: above, the process ends and agents say again what they have to say. */
const queueMax = 50_000;
/** Events taken up in one transaction at most, and the time after which a batch is closed. */
const batchEventsMax = 200;
const batchMs = 5;

export interface CoreRunner {
  readonly state: CoreState;
  /** Queues an event; batches are taken up in order. */
  post(event: CoreEvent): void;
  /** Queues a request; resolves when it is durable, rejects with what the core refused it for, or at once while nothing can be written. */
  request(event: CoreEvent): Promise<void>;
  close(): void;
}

export interface CoreRunnerOptions {
  readonly state: CoreState;
  readonly persistence: CorePersistence;
  readonly now: () => number;
  readonly sign: (decision: Decision) => SignedDecision;
  /** Everything but rows and timers; must not throw. */
  readonly act: (effect: Exclude<ActEffect, { do: 'setTimer' | 'clearTimer' }>) => void;
  /** A job ended; it is forgotten by the core afterwards. */
  readonly ended: (job: string) => void;
  /** Told when a batch has to wait for the database, and when it is written. */
  readonly health: Pick<DatabaseHealth, 'waitsFor' | 'waiting' | 'written'>;
  /** The database is damaged, or the core broke: state in memory can no longer be trusted. */
  readonly fatal: (error: unknown) => void;
}

interface Entry {
  readonly event: CoreEvent;
  readonly resolve?: () => void;
  readonly reject?: (error: unknown) => void;
}

export function createCoreRunner(options: CoreRunnerOptions): CoreRunner {
  const { state, persistence, now, sign, act, health, fatal } = options;
  const queue: Entry[] = [];
  const timers = new Map<string, NodeJS.Timeout>();
  let scheduled = false;
  let closed = false;
  /** A batch waits to be written. */
  let retrying: NodeJS.Timeout | undefined;
  let waitingEntries: readonly Entry[] = [];

  function schedule(): void {
    if (scheduled || closed || retrying !== undefined) return;
    scheduled = true;
    setImmediate(runBatch);
  }

  function runBatch(): void {
    scheduled = false;
    if (closed) return;
    const effects: Effect[] = [];
    const done: Entry[] = [];
    const started = performance.now();
    try {
      while (queue.length > 0 && done.length < batchEventsMax && performance.now() - started < batchMs) {
        const entry = queue.shift() as Entry;
        try {
          effects.push(...apply(state, entry.event, now(), sign));
          done.push(entry);
        } catch (error) {
          // The core refuses a request before it changes anything. Anything else is a bug half-way through a change.
          if (entry.reject === undefined || !(error instanceof TreecastError)) throw error;
          entry.reject(error);
        }
      }
    } catch (error) {
      giveUp(done, error);
      return;
    }
    write(effects, done);
  }

  function giveUp(done: readonly Entry[], error: unknown): void {
    closed = true;
    for (const entry of [...done, ...queue]) entry.reject?.(error);
    fatal(error);
  }

  /** The rows of a batch are those of the state as it is: until they are written, nothing else is applied. */
  function write(effects: readonly Effect[], done: readonly Entry[]): void {
    retrying = undefined;
    if (closed) return;
    const rows = effects.filter(isPersist);
    try {
      persistence.write(state, rows);
    } catch (error) {
      const isPassing = error instanceof TreecastError && error.code === 'DATABASE_UNAVAILABLE';
      if (!isPassing || queue.length > queueMax) {
        giveUp(done, error);
        return;
      }
      health.waiting(error);
      retrying = setTimeout(() => write(effects, done), retryMs);
      waitingEntries = done;
      return;
    }
    waitingEntries = [];
    if (rows.length > 0) health.written();
    for (const effect of effects) if (!isPersist(effect)) carryOut(effect);
    for (const entry of done) entry.resolve?.();
    forgetEnded();
    if (queue.length > 0) schedule();
  }

  function carryOut(effect: ActEffect): void {
    if (effect.do === 'setTimer') setTimer(effect.timer, effect.at);
    else if (effect.do === 'clearTimer') clearTimer(effect.timer);
    else act(effect);
  }

  function setTimer(timer: CoreTimer, at: number): void {
    clearTimer(timer);
    const key = timerKey(timer);
    const handle = setTimeout(
      () => {
        timers.delete(key);
        post({ type: 'timer', timer });
      },
      Math.max(0, at - now()),
    );
    timers.set(key, handle);
  }

  function clearTimer(timer: CoreTimer): void {
    const key = timerKey(timer);
    clearTimeout(timers.get(key));
    timers.delete(key);
  }

  function forgetEnded(): void {
    for (const job of state.jobs.values()) {
      if (!endedPhases.includes(job.phase)) continue;
      state.jobs.delete(job.id);
      options.ended(job.id);
    }
  }

  function post(event: CoreEvent): void {
    queue.push({ event });
    schedule();
  }

  return {
    state,
    post,
    request(event) {
      const { waitsFor } = health;
      if (waitsFor !== undefined) return Promise.reject(waitsFor);
      return new Promise((resolve, reject) => {
        queue.push({ event, resolve, reject });
        schedule();
      });
    },
    close() {
      closed = true;
      clearTimeout(retrying);
      // They would wait for ever: what they asked for is in no database, or is found at the next start.
      if (retrying !== undefined)
        for (const entry of [...waitingEntries, ...queue]) entry.reject?.(health.waitsFor);
      for (const handle of timers.values()) clearTimeout(handle);
      timers.clear();
    },
  };
}
