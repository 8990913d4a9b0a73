// Carries decisions out on one site of this node: the store's switch, the plugins' hooks behind it, and the word to the CCM.
// A node whose hooks failed serves the new tree but says that it is stale, and tries them again; one whose probe asked for it returns
// to its former tree and stays there until the next decision.

import type { HeldTree } from '../../model/messages.ts';
import type { HookTiming, SignedDecision } from '../../model/receipt.ts';
import { compareReleases, type Release } from '../../model/release.ts';
import { fromWireError, TreecastError, type WireError } from '../../model/treecast-error.ts';
import type { Clock } from '../../net/clock.ts';
import type { SwitchKind, TreeOnNode } from '../../plugins/api/hooks.ts';
import type { PendingSwitch, PendingSwitchFile } from '../plugins/pending-switch.ts';
import { type HookOutcome, type SiteHooks, treeOnNode } from '../plugins/site-hooks.ts';
import type { DecisionOutcome, SiteStore } from '../store/site-store.ts';
import type { AgentLog } from './agent-log.ts';
import { reportableError } from './reportable-error.ts';
import type { SignReceipt } from './sign-receipt.ts';
import type { Report } from './site-session.ts';

export interface Switcher {
  /** Once, when the store was opened: what a crash interrupted is finished. */
  opened(store: SiteStore): Promise<void>;
  execute(store: SiteStore, decision: SignedDecision): Promise<void>;
  /** A decision that was executed, or refused, before this connection: what is wrong with it is told again. True when something was. */
  tellAgain(store: SiteStore, decision: SignedDecision): boolean;
  reportStale(decision: SignedDecision, live: HeldTree | null, error: unknown): void;
  /** A newer decision has come: hooks that still follow an older one are stopped. */
  giveWay(decision: SignedDecision): void;
  close(): void;
}

export interface SwitcherOptions {
  readonly site: string;
  readonly hooks: SiteHooks;
  readonly pending: PendingSwitchFile;
  readonly report: (report: Report) => void;
  /** What plugins found out about the site may be new. */
  readonly tellFacts: () => void;
  readonly signReceipt: SignReceipt;
  readonly clock: Clock;
  readonly log: AgentLog;
  /** Runs a task after what the site is doing. */
  readonly later: (task: (store: SiteStore) => Promise<void>) => void;
}

/** What keeps the last decision from counting as done here. */
interface Trouble {
  readonly decision: SignedDecision;
  readonly error: WireError;
  /** The node left the decision's tree again. */
  readonly refused: boolean;
  /** What has to succeed yet. */
  readonly owed: Owed;
}

/** `decide`: the switch itself failed, as on a disk that is full or read-only. */
type Owed = 'attach' | 'follow' | 'decide';

const retryMs = { first: 5_000, most: 300_000 };

export function createSwitcher(options: SwitcherOptions): Switcher {
  const { site, hooks, pending, report, signReceipt, clock, log } = options;
  let trouble: Trouble | null = null;
  /** What succeeded last: told at every welcome, since its first telling may have met a closed link. */
  let finished: { readonly decision: SignedDecision; readonly timings: readonly HookTiming[] } | null = null;
  let cancelRetry: (() => void) | undefined;
  let delayMs = retryMs.first;
  let following = new AbortController();
  let newest: Release | null = null;
  let closed = false;

  /** PLG-4, until a newer decision stops them. */
  function follow(
    store: SiteStore,
    { release }: SignedDecision,
    kind: SwitchKind,
    from: TreeOnNode | null,
  ): Promise<HookOutcome> {
    following = new AbortController();
    if (closed || (newest !== null && compareReleases(newest, release) > 0)) following.abort();
    return hooks.follow(store, kind, from, following.signal);
  }

  function reportStale({ release }: SignedDecision, live: HeldTree | null, error: unknown): void {
    report({ type: 'stale', site, release, live, error: reportableError(error, live) });
  }

  function reportSwitched({ toTree: tree, release }: SignedDecision, timings: readonly HookTiming[]): void {
    const receipt = signReceipt(site, 'switched', { tree, scope: 'changed', release }, timings);
    report({ type: 'switched', site, receipt });
  }

  async function succeeded(decision: SignedDecision, timings: readonly HookTiming[]): Promise<void> {
    await pending.clear();
    if (timings.length > 0) finished = { decision, timings };
    reportSwitched(decision, timings);
  }

  function forget(): void {
    cancelRetry?.();
    finished = null;
    trouble = null;
    delayMs = retryMs.first;
  }

  /** Hooks failed behind the switch: the tree is right, the node is not. They are tried again, less and less often. */
  function remember(
    store: SiteStore,
    decision: SignedDecision,
    error: WireError,
    refused: boolean,
    owed: Owed = 'follow',
  ): void {
    trouble = { decision, error, refused, owed };
    reportStale(decision, store.live(), fromWireError(error));
    if (refused || closed) return;
    cancelRetry = clock.after(delayMs, () => options.later((opened) => retry(opened, decision)));
    delayMs = Math.min(delayMs * 2, retryMs.most);
  }

  async function retry(store: SiteStore, decision: SignedDecision): Promise<void> {
    if (trouble?.decision !== decision) return;
    const { owed } = trouble;
    if (owed === 'decide') return execute(store, decision);
    const { error, timings } = await (owed === 'attach'
      ? hooks.attach(store)
      : follow(store, decision, 'start', null));
    if (owed === 'follow' && following.signal.aborted && error !== null) return;
    if (error !== null) return remember(store, decision, error, false, owed);
    forget();
    options.tellFacts();
    log.info({ site, release: decision.release }, 'hooks that had failed have succeeded');
    await succeeded(decision, timings);
  }

  async function afterSwitch(
    store: SiteStore,
    decision: SignedDecision,
    outcome: Extract<DecisionOutcome, { outcome: 'switched' }>,
    from: ReturnType<typeof treeOnNode>,
  ): Promise<void> {
    const kind = decision.kind === 'rollback' ? 'rollback' : 'publish';
    const { error, timings, switchBack } = await follow(store, decision, kind, from);
    // What is wrong with a release that gives way is of no interest any more; the next one's hooks follow.
    if (following.signal.aborted && error !== null) return;
    if (error === null) {
      await succeeded(decision, timings);
      log.info({ site, release: decision.release, tree: outcome.proof.tree, hooks: timings }, 'switched');
      return;
    }
    log.warn({ site, release: decision.release, code: error.code, hooks: timings }, error.message);
    if (!switchBack) return remember(store, decision, error, false);
    await leave(store, decision, error);
  }

  /** The backup becomes live again on this node alone. The note comes first, so that no restart switches forward again. */
  async function leave(store: SiteStore, decision: SignedDecision, error: WireError): Promise<void> {
    const failed = treeOnNode(store.resolveLive());
    const { release } = decision;
    await pending.write({ release, refused: error, isBack: false });
    const outcome = await store.switchBack(decision);
    if (outcome.outcome !== 'switched') {
      await pending.write({ release, refused: null, isBack: false });
      return remember(store, decision, error, false);
    }
    const back = await goBack(store, decision, error, failed);
    log.warn(
      { site, release: decision.release, hooks: back.timings },
      'this node returned to its former tree',
    );
    const told = `${error.message}; this node returned to its former tree`;
    const and = back.error === null ? '' : `, where ${back.error.message}`;
    remember(store, decision, { ...error, message: `${told}${and}` }, true);
  }

  /** PLG-5, where the decision will be executed: the note that it replaces, null when there was none. */
  async function noteBefore(
    store: SiteStore,
    decision: SignedDecision,
  ): Promise<PendingSwitch | null | undefined> {
    const { lastDecision, executed } = store.holding();
    const order = lastDecision === null ? 1 : compareReleases(decision.release, lastDecision.release);
    if (!hooks.hasFollowers || order < 0 || (order === 0 && executed)) return undefined;
    const before = await pending.read();
    await pending.write({ release: decision.release, refused: null, isBack: false });
    return before;
  }

  /** The hooks of the way back; noted when they have succeeded, so that a restart does not owe them. */
  async function goBack(
    store: SiteStore,
    decision: SignedDecision,
    refused: WireError,
    from: TreeOnNode | null,
  ): Promise<HookOutcome> {
    const back = await follow(store, decision, 'switch-back', from);
    if (back.error === null) await pending.write({ release: decision.release, refused, isBack: true });
    return back;
  }

  async function execute(store: SiteStore, decision: SignedDecision): Promise<void> {
    if (trouble?.refused && compareReleases(trouble.decision.release, decision.release) === 0) {
      reportStale(decision, store.live(), fromWireError(trouble.error));
      return;
    }
    const from = treeOnNode(store.resolveLive());
    let outcome: DecisionOutcome;
    try {
      const noted = await noteBefore(store, decision);
      outcome = await store.decide(decision);
      // Nothing moved: what was noted before is still so.
      if (noted !== undefined && outcome.outcome !== 'switched')
        await (noted === null ? pending.clear() : pending.write(noted));
    } catch (error) {
      log.error({ site, release: decision.release, err: error }, 'the switch failed');
      cancelRetry?.();
      remember(store, decision, reportableError(error, store.live()), false, 'decide');
      return;
    }
    if (trouble?.owed === 'decide') forget();
    await tell(store, decision, outcome, from);
  }

  async function tell(
    store: SiteStore,
    decision: SignedDecision,
    outcome: DecisionOutcome,
    from: ReturnType<typeof treeOnNode>,
  ): Promise<void> {
    switch (outcome.outcome) {
      case 'switched':
        forget();
        try {
          await afterSwitch(store, decision, outcome, from);
        } catch (error) {
          // Its notes could not be written: the hooks are owed.
          log.error({ site, release: decision.release, err: error }, 'the work behind the switch failed');
          remember(store, decision, reportableError(error, store.live()), false);
        }
        return;
      case 'repeated':
        // Asked for again by an operator: tried again at once.
        if (trouble !== null) {
          cancelRetry?.();
          await retry(store, trouble.decision);
        } else report({ type: 'switched', site, receipt: signReceipt(site, 'switched', outcome.proof) });
        return;
      case 'stale':
        reportStale(
          decision,
          store.live(),
          new TreecastError(
            'BASE_MISMATCH',
            `Tree ${decision.toTree} is neither staged nor kept on this node.`,
            {
              fix: 'Nothing needs to be done: the CCM synchronizes the node.',
            },
          ),
        );
        return;
      case 'outdated':
        log.debug({ site, release: decision.release }, 'an outdated decision was ignored');
    }
  }

  return {
    reportStale,

    async opened(store) {
      const attached = await hooks.attach(store);
      const noted = await pending.read();
      const { lastDecision, executed } = store.holding();
      if (noted === null) {
        if (attached.error !== null && lastDecision !== null && executed)
          remember(store, lastDecision, attached.error, false, 'attach');
        return;
      }
      if (lastDecision === null || compareReleases(lastDecision.release, noted.release) !== 0) {
        await pending.clear();
      } else if (noted.refused !== null) {
        // The crash may have come between the note and the way back.
        if (executed) await store.switchBack(lastDecision);
        if (!noted.isBack) await goBack(store, lastDecision, noted.refused, null);
        trouble = { decision: lastDecision, error: noted.refused, refused: true, owed: 'follow' };
      } else if (executed) {
        const { error, timings } =
          attached.error === null ? await follow(store, lastDecision, 'start', null) : attached;
        if (error !== null) return remember(store, lastDecision, error, false);
        await succeeded(lastDecision, timings);
      }
    },

    execute,

    tellAgain(store, decision) {
      const isAbout = (known: { readonly decision: SignedDecision } | null) =>
        known !== null && compareReleases(known.decision.release, decision.release) === 0;
      if (trouble !== null && isAbout(trouble)) {
        // Delivered again, it is tried again.
        if (trouble.owed === 'decide') return false;
        reportStale(decision, store.live(), fromWireError(trouble.error));
        return true;
      }
      if (finished === null || !isAbout(finished)) return false;
      reportSwitched(decision, finished.timings);
      return true;
    },

    giveWay({ release }) {
      newest = release;
      following.abort();
    },

    close() {
      closed = true;
      cancelRetry?.();
      following.abort();
    },
  };
}
