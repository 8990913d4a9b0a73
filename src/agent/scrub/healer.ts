// What becomes of paths that look wrong: they are read again while the site is held still, noted, told, and by the site's policy put
// right from this node's own trees, else with contents that the CCM is asked for.

import type { AgentMessage } from '../../model/messages.ts';
import { compareReleases, releaseName } from '../../model/release.ts';
import type { DriftPolicy } from '../../model/site.ts';
import { TreecastError } from '../../model/treecast-error.ts';
import type { Clock } from '../../net/clock.ts';
import type { AgentLog } from '../session/agent-log.ts';
import { createProgressMeter } from '../session/progress-meter.ts';
import { type AssignmentMessage, type Receiver, receiveAssignment } from '../session/receive-assignment.ts';
import { withinMessage } from '../session/within-message.ts';
import type { Drift, SiteStore } from '../store/site-store.ts';
import { noteDrift } from './drift-ledger.ts';
import type { ScrubRecord } from './scrub-record.ts';

export interface Healer {
  /** Examines and mends; what is left. Nothing else may be done with the site meanwhile. */
  heal(store: SiteStore, paths: Iterable<string>, signal: AbortSignal): Promise<readonly Drift[]>;
  /** True when the message brings what {@link heal} waits for, or what it waited for once: then the next one begins with it. */
  takes(store: SiteStore | null, message: AssignmentMessage): boolean;
  /** Says what is known, to a CCM that asked to be told. */
  tell(mended?: readonly Drift[]): void;
  /** From the site's grant; undefined: the CCM does not know of drift. */
  follow(policy: DriftPolicy | undefined): void;
  repairs(): boolean;
}

export interface HealerOptions {
  readonly site: string;
  readonly report: (message: Extract<AgentMessage, { readonly type: 'drift' | 'mend' | 'progress' }>) => void;
  /** An answer came that nobody waits for any more. */
  readonly onLateAnswer: () => void;
  readonly receiver: Receiver;
  readonly record: ScrubRecord;
  readonly clock: Clock;
  readonly log: AgentLog;
}

/** The CCM builds what is asked for within this time, or it does not answer, or one that is very busy answers later. */
const answerMs = 30_000;
/** In one message. */
const toldMax = 100;
const askedMax = 500;
/** An answer brings 64 MiB, or one larger file. */
const roundsMax = 100;

export function createHealer(options: HealerOptions): Healer {
  const { site, report, record, clock, log } = options;
  let policy: DriftPolicy | undefined;
  let waiting: ((message: AssignmentMessage) => void) | undefined;
  /** The last release whose contents were asked for; answers that come too late are of it. */
  let askedFor: string | undefined;
  /** The newest answer that came too late. Asking again would make the CCM throw it away. */
  let late: AssignmentMessage | undefined;

  function note(looked: Iterable<string>, found: readonly Drift[], mended: readonly Drift[]): void {
    const change = noteDrift(record.state().drifted, looked, found, clock.now());
    if (change.found.length + change.gone.length + mended.length === 0) return;
    record.change({ drifted: change.drifted });
    void record.flush();
    if (change.found.length > 0)
      log.warn({ site, drift: change.found.slice(0, 20) }, 'files of the live tree were changed');
    if (mended.length > 0) log.info({ site, mended: mended.slice(0, 20) }, 'changed files were put right');
    const others = change.gone.filter(({ path }) => !mended.some((each) => each.path === path));
    tell([...mended, ...others]);
  }

  function tell(mended: readonly Drift[] = []): void {
    if (policy === undefined) return;
    const { drifted, passedAt } = record.state();
    report({
      type: 'drift',
      site,
      paths: withinMessage(drifted, toldMax),
      count: drifted.length,
      mended: withinMessage(mended, toldMax),
      passedAt,
    });
  }

  function isMendable({ problem }: Drift): boolean {
    // An owner that is wrong still can be given or not; the bytes are here.
    if (problem === 'owner') return false;
    return problem !== 'extra' || policy?.extra === 'remove';
  }

  /** Rejects with CCM_UNREACHABLE when no answer comes. */
  function ask(paths: readonly string[], store: SiteStore, signal: AbortSignal): Promise<AssignmentMessage> {
    const live = store.live();
    const { promise, resolve, reject } = Promise.withResolvers<AssignmentMessage>();
    const give = (why: TreecastError) => reject(why);
    const stop = (): void => give(new TreecastError('ABORTED', 'The repair was stopped.'));
    const cancel = clock.after(answerMs, () =>
      give(new TreecastError('CCM_UNREACHABLE', 'The CCM did not send the contents of changed files.')),
    );
    signal.addEventListener('abort', stop);
    waiting = resolve;
    askedFor = live === null ? undefined : releaseName(live.release);
    if (live !== null) report({ type: 'mend', site, tree: live.tree, paths });
    if (signal.aborted) stop();
    return promise.finally(() => {
      waiting = undefined;
      cancel();
      signal.removeEventListener('abort', stop);
    });
  }

  async function fetchAndMend(
    store: SiteStore,
    drift: readonly Drift[],
    signal: AbortSignal,
  ): Promise<readonly Drift[]> {
    const wanted = drift.filter(isMendable);
    const named = wanted.map(({ path }) => path).filter((path) => path !== '.');
    const some = withinMessage(named, askedMax);
    if (some.length === 0) return drift;
    return restoreFrom(await ask(some, store, signal), store, drift, signal);
  }

  async function restoreFrom(
    message: AssignmentMessage,
    store: SiteStore,
    drift: readonly Drift[],
    signal: AbortSignal,
  ): Promise<readonly Drift[]> {
    const progress = createProgressMeter({ site, assignment: message.id, now: clock.now, report });
    const entry = await receiveAssignment(store, message, options.receiver, progress, signal);
    return store.restore(entry, drift, signal);
  }

  /** One that is of no use any more costs nothing but the asking. */
  async function restoreFromLate(
    store: SiteStore,
    drift: readonly Drift[],
    signal: AbortSignal,
  ): Promise<readonly Drift[]> {
    const message = late;
    if (message === undefined || !drift.some(isMendable)) return drift;
    try {
      const left = await restoreFrom(message, store, drift, signal);
      if (late === message) late = undefined;
      return left;
    } catch (error) {
      if (signal.aborted) throw error;
      if (late === message) late = undefined;
      log.info({ site, err: error }, 'an answer that came late could not be used');
      return drift;
    }
  }

  return {
    async heal(store, paths, signal) {
      const looked = [...paths];
      const found = await store.check(looked, signal);
      note(looked, found, []);
      if (found.length === 0 || policy?.action !== 'repair') return found;
      let left = found;
      try {
        left = await restoreFromLate(store, await store.mend(found, signal), signal);
        for (let round = 0; round < roundsMax && left.some(isMendable); round++) {
          const before = left.length;
          left = await fetchAndMend(store, left, signal);
          if (left.length >= before) break;
        }
      } catch (error) {
        if (signal.aborted) throw error;
        log.warn({ site, err: error }, 'changed files could not be put right');
        left = await store.check(looked, signal);
      }
      const isLeft = new Set(left.map(({ path }) => path));
      note(
        looked,
        left,
        found.filter(({ path }) => !isLeft.has(path)),
      );
      return left;
    },

    takes(store, message) {
      const holding = store?.holding();
      const last = holding?.lastDecision ?? null;
      const isOfLive =
        holding?.executed === true && last !== null && compareReleases(last.release, message.release) === 0;
      if (!isOfLive) return false;
      if (waiting !== undefined) {
        waiting(message);
        return true;
      }
      if (askedFor !== releaseName(message.release)) return false;
      late = message;
      options.onLateAnswer();
      return true;
    },

    tell,
    follow(next) {
      policy = next;
    },
    repairs: () => policy?.action === 'repair',
  };
}
