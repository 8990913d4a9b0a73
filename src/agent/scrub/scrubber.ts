// Re-reads a site's live tree, pass after pass, within the node's budget and beside nothing else that the site does (N44, X17). It only
// suspects: what becomes of a path that looks wrong is decided where the site is held still.

import { type Clock, delay } from '../../net/clock.ts';
import type { AgentLog } from '../session/agent-log.ts';
import type { SiteStore } from '../store/site-store.ts';
import type { ScrubBudget } from './scrub-budget.ts';
import type { ScrubRecord } from './scrub-record.ts';

export interface ScrubSettings {
  readonly budget: ScrubBudget;
  /** From the begin of one pass to that of the next. */
  readonly everyMs: number;
}

export interface Scrubber {
  start(): void;
  /** A pass begins now, from the first path. */
  again(): void;
  close(): Promise<void>;
}

export interface ScrubberOptions extends ScrubSettings {
  readonly site: string;
  readonly store: () => SiteStore | null;
  /** Resolves when nobody asks anything of the site. */
  readonly whenIdle: () => Promise<void>;
  /** Looks at paths again, with nothing beside it, and does what the policy says. */
  readonly examine: (paths: readonly string[]) => Promise<void>;
  /** A pass came to its end. */
  readonly onPassed: () => void;
  readonly record: ScrubRecord;
  readonly clock: Clock;
  readonly log: AgentLog;
}

/** A node that has just started has better things to do. */
const startDelayMs = 30_000;
/** Suspects that are examined together. */
const togetherMax = 200;

export function createScrubber(options: ScrubberOptions): Scrubber {
  const { site, budget, everyMs, record, clock, log } = options;
  const closing = new AbortController();
  let wake = new AbortController();
  let pass = new AbortController();
  let running: Promise<void> = Promise.resolve();

  function rest(ms: number): Promise<void> {
    wake = new AbortController();
    return delay(clock, ms, AbortSignal.any([wake.signal, closing.signal]));
  }

  function dueInMs(): number {
    const { began, after } = record.state();
    if (began === null || after !== null) return 0;
    const passed = clock.now() - began;
    return passed < 0 ? 0 : Math.max(0, everyMs - passed);
  }

  async function run(): Promise<void> {
    await rest(Math.min(everyMs, startDelayMs));
    while (!closing.signal.aborted) {
      const waitMs = dueInMs();
      if (waitMs > 0) await rest(waitMs);
      else if (!(await passOnce()) && !pass.signal.aborted) await rest(Math.min(everyMs, startDelayMs));
    }
  }

  /** True when it came to its end. */
  async function passOnce(): Promise<boolean> {
    pass = new AbortController();
    const store = options.store();
    if (store === null || store.live() === null) return false;
    const signal = AbortSignal.any([pass.signal, closing.signal]);
    const { after, began } = record.state();
    if (after === null || began === null) record.change({ began: clock.now(), after: null });
    let suspects: string[] = [];
    try {
      for await (const visit of store.walk({ after, onRead: (bytes) => giveWay(bytes, signal), signal })) {
        if (signal.aborted) return false;
        if (visit.isSuspect) suspects.push(visit.path);
        if (suspects.length > 0 && (!visit.isSuspect || suspects.length >= togetherMax)) {
          await options.examine(suspects.splice(0));
        }
        if (suspects.length === 0) record.change({ after: visit.path });
      }
      await options.examine([...suspects, ...record.state().drifted.map(({ path }) => path)]);
      if (signal.aborted) return false;
    } catch (error) {
      if (!signal.aborted) log.warn({ site, err: error }, 're-reading the live tree was interrupted');
      return false;
    }
    suspects = [];
    record.change({ after: null, passedAt: clock.now() });
    await record.flush();
    options.onPassed();
    return true;
  }

  /** Never beside a stage, and within the budget. */
  async function giveWay(bytes: number, signal: AbortSignal): Promise<void> {
    await budget.spend(bytes, signal);
    await options.whenIdle();
  }

  return {
    start() {
      running = run();
    },
    again() {
      record.change({ began: null, after: null });
      pass.abort();
      wake.abort();
    },
    async close() {
      closing.abort();
      await running;
      await record.flush();
    },
  };
}
