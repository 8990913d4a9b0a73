// One site on this node, between the link and the store: takes what the CCM says in order, stages, switches, proves, reports.
// It decides when the store is asked; what may be staged or switched is the store's decision, what happens next the CCM's.

import { isDeepStrictEqual } from 'node:util';
import type { AgentMessage, Hello, SiteGrant, SiteHolding } from '../../model/messages.ts';
import type { SignedDecision } from '../../model/receipt.ts';
import { compareReleases, type Release, releaseName } from '../../model/release.ts';
import { fromWireError, TreecastError } from '../../model/treecast-error.ts';
import type { Clock } from '../../net/clock.ts';
import type { PendingSwitchFile } from '../plugins/pending-switch.ts';
import type { SiteHooks } from '../plugins/site-hooks.ts';
import { createHealer } from '../scrub/healer.ts';
import { createScrubRecord } from '../scrub/scrub-record.ts';
import { createScrubber, type ScrubSettings } from '../scrub/scrubber.ts';
import type { InboxEntry, SiteStore, StageProgress, TreeProof } from '../store/site-store.ts';
import type { AgentLog } from './agent-log.ts';
import { pathsNamedBy } from './paths-named-by.ts';
import { createProgressMeter, type ProgressMeter } from './progress-meter.ts';
import { type AssignmentMessage, type Receiver, receiveAssignment } from './receive-assignment.ts';
import { reportableError } from './reportable-error.ts';
import type { SignReceipt } from './sign-receipt.ts';
import { createSwitcher } from './switcher.ts';
import { createTaskQueue } from './task-queue.ts';
import { withinMessage } from './within-message.ts';

export type Report = Exclude<AgentMessage, Hello>;

export interface SiteSession {
  readonly site: string;
  /** Null while the store is being opened. */
  readonly store: SiteStore | null;
  holding(): SiteHolding | null;
  /** From a welcome or a grant; its last decision is executed unless it was. */
  grant(grant: SiteGrant): void;
  assignment(message: AssignmentMessage): void;
  decision(decision: SignedDecision): void;
  abort(release: Release): void;
  verify(request: string): void;
  /** Stops what goes on and closes the store; `then` runs last, for what must follow a closed store. */
  close(then?: () => Promise<void>): Promise<void>;
  /** Resolves when nothing is being done. */
  idle(): Promise<void>;
}

export interface SiteSessionOptions {
  readonly site: string;
  readonly openStore: () => Promise<SiteStore>;
  readonly report: (report: Report) => void;
  readonly signReceipt: SignReceipt;
  readonly verifyDecision: (decision: SignedDecision) => boolean;
  readonly receiver: Receiver;
  readonly hooks: SiteHooks;
  readonly pending: PendingSwitchFile;
  /** Null: live trees are not re-read by themselves. */
  readonly scrub: ScrubSettings | null;
  /** Where its progress is kept, beside the site's trees. */
  readonly scrubFile: string;
  readonly clock: Clock;
  readonly log: AgentLog;
}

interface Staging {
  readonly id: string;
  readonly release: Release;
  readonly controller: AbortController;
}

/** Background work of a store waits this long, so that it does not compete with the rest of a fleet's switch. */
const settleDelayMs = 50;
/** What failed of it is tried again, less and less often: a full disk gets room, an odd file is taken away. */
const settleRetryMs = { first: 5_000, most: 300_000 };
const verifyTriesMax = 5;

export function createSiteSession(options: SiteSessionOptions): SiteSession {
  const { site, report, signReceipt, hooks, clock, log } = options;
  let store: SiteStore | null = null;
  let closed = false;
  let cancelSettle: (() => void) | undefined;
  /** Assignments accepted and not finished, in order; the first one may be under way. */
  const stagings = new Set<Staging>();
  let verifying: AbortController | undefined;
  /** An examination by the scrub; whatever else is asked of the site goes first. */
  let examining: AbortController | undefined;
  let policy: SiteGrant['policy'] | undefined;
  const record = createScrubRecord(options.scrubFile, clock);
  const healer = createHealer({
    ...options,
    record,
    onLateAnswer: () => void examine(record.state().drifted.map(({ path }) => path)),
  });
  const scrubber =
    options.scrub === null
      ? null
      : createScrubber({
          ...options.scrub,
          site,
          store: () => store,
          whenIdle: () => queue.idle(),
          examine,
          onPassed: () => healer.tell(),
          record,
          clock,
          log,
        });

  const queue = createTaskQueue({
    onError: (error) => log.error({ site, err: error }, 'a task of the site failed'),
    onIdle: () => settleIn(settleDelayMs, settleRetryMs.first),
  });

  function settleIn(delayMs: number, retryMs: number): void {
    if (closed) return;
    cancelSettle = clock.after(delayMs, () => {
      store?.settle().catch((error: unknown) => {
        log.warn({ site, err: error, retryMs }, 'background work failed');
        if (queue.isIdle()) settleIn(retryMs, Math.min(retryMs * 2, settleRetryMs.most));
      });
    });
  }

  const switcher = createSwitcher({
    ...options,
    tellFacts,
    later: (task) => enqueue(async () => task(store ?? (await open()))),
  });

  /** Runs after everything before it; an examination gives way. */
  function enqueue(task: () => Promise<void>): void {
    examining?.abort();
    wait(task);
  }

  function wait(task: () => Promise<void>): void {
    cancelSettle?.();
    queue.push(task);
  }

  /** Resolves also when something else went first: the scrub comes by again. */
  function examine(paths: readonly string[]): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    queue.push(async () => {
      const controller = new AbortController();
      examining = controller;
      try {
        if (store !== null && !closed) await healer.heal(store, paths, controller.signal);
      } catch (error) {
        if (!controller.signal.aborted) log.warn({ site, err: error }, 'changed files could not be examined');
      } finally {
        examining = undefined;
        resolve();
      }
    });
    return promise;
  }

  /** A tree that was changed on this node is put right first, where the site's policy says so, and the release staged again. */
  async function stageHealing(
    opened: SiteStore,
    entry: InboxEntry,
    receiveAgain: () => Promise<InboxEntry>,
    signal: AbortSignal,
    progress: ProgressMeter,
  ): Promise<TreeProof> {
    const onProgress: StageProgress = ({ commandsDone }) => progress.executed(commandsDone);
    try {
      return await opened.stage(entry, signal, onProgress);
    } catch (error) {
      const isDrift =
        error instanceof TreecastError && (error.code === 'CONTENT_DRIFT' || error.code === 'TREE_MISMATCH');
      // The parts before the last one of a release are gone.
      if (!isDrift || signal.aborted || !healer.repairs() || entry.header.part.of > 1) throw error;
      const paths = [...opened.basePathsOf(entry), ...pathsNamedBy(error)];
      const stopBeating = progress.beat(clock);
      const left = await healer.heal(opened, paths, signal).finally(stopBeating);
      if (left.length > 0) throw error;
      // What had arrived was dropped when staging failed.
      return opened.stage(await receiveAgain(), signal, onProgress);
    }
  }

  /** Tried again with every task that needs it: what kept a store from opening may have been mended. */
  async function open(): Promise<SiteStore> {
    if (closed) throw new TreecastError('ABORTED', 'The site is being closed.');
    store = await options.openStore();
    await switcher.opened(store);
    await voteAgain(store);
    return store;
  }

  /** LINK-17: stagings below a release give way to it. */
  function abortStagings(isConcerned: (staging: Staging) => boolean): void {
    for (const staging of stagings) if (isConcerned(staging)) staging.controller.abort();
  }

  function tellFacts(): void {
    const urlMap = hooks.urlMap();
    if (urlMap !== null) report({ type: 'siteFacts', site, urlMap });
  }

  /** PLG-3: nobody knows whether what was staged before a restart had its vote to the end. */
  async function voteAgain(opened: SiteStore): Promise<void> {
    const { staged } = opened.holding();
    if (staged === null) return;
    const { error } = await hooks.vote(opened, new AbortController().signal);
    if (error === null) return;
    log.warn({ site, release: staged.release, code: error.code }, error.message);
    await giveUp(opened, staged.release);
  }

  async function giveUp(opened: SiteStore, release: Release): Promise<void> {
    if (await opened.abort(release)) await hooks.abandon(releaseName(release));
  }

  async function stage(message: AssignmentMessage, staging: Staging): Promise<void> {
    const { signal } = staging.controller;
    if (signal.aborted) return;
    const assignment = message.id;
    const progress = createProgressMeter({ site, assignment, now: clock.now, report });
    try {
      const opened = store ?? (await open());
      const receive = () => receiveAssignment(opened, message, options.receiver, progress, signal);
      const entry = await receive();
      // One that came inside its message is held when it arrives: `staged` follows at once.
      if (message.source.kind === 'url') report({ type: 'held', site, assignment });
      const proof = await stageHealing(opened, entry, receive, signal, progress);
      // A part of a release: it is staged when the last one is in.
      if (proof.tree === null) return;
      const known = hooks.urlMap();
      const stopBeating = progress.beat(clock);
      const vote = await hooks.vote(opened, signal).finally(stopBeating);
      if (hooks.urlMap() !== known) tellFacts();
      if (vote.error !== null || signal.aborted) {
        await giveUp(opened, message.release);
        throw vote.error === null
          ? new TreecastError('ABORTED', 'Staging was stopped.')
          : fromWireError(vote.error);
      }
      report({ type: 'staged', site, assignment, receipt: signReceipt(site, 'staged', proof, vote.timings) });
      const { lastDecision, executed } = opened.holding();
      if (lastDecision !== null && !executed && lastDecision.toTree === proof.tree) {
        await execute(lastDecision);
      }
    } catch (error) {
      if (signal.aborted) {
        log.info({ site, assignment }, 'staging was stopped');
        return;
      }
      log.warn({ site, assignment, err: error }, 'staging failed');
      report({
        type: 'stageFailed',
        site,
        assignment,
        release: message.release,
        error: reportableError(error, store?.live() ?? null),
      });
    }
  }

  async function execute(decision: SignedDecision): Promise<void> {
    let opened: SiteStore;
    try {
      opened = store ?? (await open());
    } catch (error) {
      log.error({ site, release: decision.release, err: error }, 'the switch failed');
      switcher.reportStale(decision, null, error);
      return;
    }
    await switcher.execute(opened, decision);
  }

  function enqueueVerify(request: string, triesLeft: number): void {
    wait(async () => {
      const controller = new AbortController();
      verifying = controller;
      try {
        const { proof, drift } = await (store ?? (await open())).verify(controller.signal);
        report({
          type: 'verified',
          request,
          site,
          receipt: signReceipt(site, 'verified', proof),
          drift: withinMessage(drift, 100),
        });
      } catch (error) {
        // LINK-21: a publish goes first; the verification starts again after it.
        if (!controller.signal.aborted) reportUnverified(request, error);
        else if (triesLeft > 0 && !closed) enqueueVerify(request, triesLeft - 1);
        else reportUnverified(request, new TreecastError('ABORTED', 'Publishes kept interrupting it.'));
      } finally {
        verifying = undefined;
      }
    });
  }

  function reportUnverified(request: string, error: unknown): void {
    const receipt = signReceipt(site, 'verified', { tree: null, scope: 'full', release: null });
    report({ type: 'verified', request, site, receipt, drift: [], error: reportableError(error, null) });
  }

  /** LINK-18: a release key signed it, for this site. Otherwise the CCM is told, so that somebody looks. */
  function isValid(decision: SignedDecision): boolean {
    if (decision.site === site && options.verifyDecision(decision)) return true;
    log.error({ site, release: decision.release }, 'a decision is not validly signed');
    const error = new TreecastError('DECISION_INVALID', 'No release key of the CCM signed the decision.', {
      fix: 'If the release keys of the CCM were changed, restart it; else somebody tampers with messages.',
    });
    switcher.reportStale(decision, store?.live() ?? null, error);
    return false;
  }

  function decide(decision: SignedDecision): void {
    if (!isValid(decision)) return;
    verifying?.abort();
    abortStagings((staging) => compareReleases(staging.release, decision.release) < 0);
    const last = store?.holding().lastDecision ?? null;
    if (last === null || compareReleases(last.release, decision.release) < 0) switcher.giveWay(decision);
    enqueue(() => execute(decision));
  }

  queue.push(() => record.load());
  queue.push(async () => {
    await open();
  });
  scrubber?.start();

  return {
    site,
    get store() {
      return store;
    },
    holding: () => store?.holding() ?? null,
    grant(grant) {
      enqueue(async () => {
        (store ?? (await open())).updateGrant(grant);
        healer.follow(grant.policy.drift);
        if (record.state().passedAt !== null || record.state().drifted.length > 0) healer.tell();
        // Files from before a change of the policy have the former modes.
        if (policy !== undefined && !isDeepStrictEqual(policy, grant.policy)) scrubber?.again();
        policy = grant.policy;
        tellFacts();
      });
      const decision = grant.lastDecision;
      if (decision === null || !isValid(decision)) return;
      enqueue(async () => {
        const holding = store?.holding();
        const last = holding?.lastDecision ?? null;
        const isKnown = last !== null && compareReleases(last.release, decision.release) === 0;
        // STG-41: kept, so that this node can show the decision whatever becomes of the CCM.
        if (isKnown && last.signature !== decision.signature) await store?.decide(decision);
        if (isKnown && store !== null && switcher.tellAgain(store, decision)) return;
        if (!isKnown || holding?.executed !== true) await execute(decision);
      });
    },
    assignment(message) {
      const { id, release } = message;
      if (healer.takes(store, message)) return;
      for (const staging of stagings) {
        if (staging.id === id && !staging.controller.signal.aborted) return;
      }
      verifying?.abort();
      abortStagings((staging) => compareReleases(staging.release, release) < 0);
      const staging: Staging = { id, release, controller: new AbortController() };
      stagings.add(staging);
      enqueue(() => stage(message, staging).finally(() => stagings.delete(staging)));
    },
    decision: decide,
    abort(release) {
      abortStagings((staging) => compareReleases(staging.release, release) === 0);
      enqueue(async () => {
        await giveUp(store ?? (await open()), release);
        report({ type: 'undone', site, release });
      });
    },
    verify(request) {
      enqueueVerify(request, verifyTriesMax);
    },
    async close(then) {
      closed = true;
      verifying?.abort();
      abortStagings(() => true);
      switcher.close();
      examining?.abort();
      await scrubber?.close();
      queue.push(async () => {
        const opened = store;
        store = null;
        await opened?.close();
        await then?.();
      });
      await queue.idle();
      cancelSettle?.();
    },
    idle: () => queue.idle(),
  };
}
