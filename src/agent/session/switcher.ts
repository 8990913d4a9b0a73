// Carries decisions out on one site of this node: the store's switch, the plugins' hooks behind it, and the word to the CCM.
// A node whose hooks failed serves the new tree but says that it is stale, and tries them again; one whose probe asked for it returns
// to its former tree and stays there until the next decision.

import type { HeldTree } from '../../model/messages.ts';
import type { HookTiming, SignedDecision } from '../../model/receipt.ts';
import { compareReleases } from '../../model/release.ts';
import { fromWireError, TreecastError, type WireError } from '../../model/treecast-error.ts';
import type { Clock } from '../../net/clock.ts';
import type { SwitchKind, TreeOnNode } from '../../plugins/api/hooks.ts';
import type { PendingSwitchFile } from '../plugins/pending-switch.ts';
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
  giveWay(): void;
  close(): void;
}

export interface SwitcherOptions {
  readonly site: string;
  readonly hooks: SiteHooks;
  readonly pending: PendingSwitchFile;
  readonly report: (report: Report) => void;
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
}

const retryMs = { first: 5_000, most: 300_000 };

export function createSwitcher(options: SwitcherOptions): Switcher {
  const { site, hooks, pending, report, signReceipt, clock, log } = options;
  let trouble: Trouble | null = null;
  /** Finished at start, before the CCM could be told. */
  let finished: { readonly decision: SignedDecision; readonly timings: readonly HookTiming[] } | null = null;
  let cancelRetry: (() => void) | undefined;
  let delayMs = retryMs.first;
  let following = new AbortController();

  /** PLG-4, until a newer decision stops them. */
  function follow(store: SiteStore, kind: SwitchKind, from: TreeOnNode | null): Promise<HookOutcome> {
    following = new AbortController();
    return hooks.follow(store, kind, from, following.signal);
  }

  function reportStale({ release }: SignedDecision, live: HeldTree | null, error: unknown): void {
    report({ type: 'stale', site, release, live, error: reportableError(error, live) });
  }

  function reportSwitched({ toTree: tree, release }: SignedDecision, timings: readonly HookTiming[]): void {
    const receipt = signReceipt(site, 'switched', { tree, scope: 'changed', release }, timings);
    report({ type: 'switched', site, receipt });
  }

  function forget(): void {
    cancelRetry?.();
    trouble = null;
    delayMs = retryMs.first;
  }

  /** Hooks failed behind the switch: the tree is right, the node is not. They are tried again, less and less often. */
  function remember(store: SiteStore, decision: SignedDecision, error: WireError, refused: boolean): void {
    trouble = { decision, error, refused };
    reportStale(decision, store.live(), fromWireError(error));
    if (refused) return;
    cancelRetry = clock.after(delayMs, () => options.later((opened) => retry(opened, decision)));
    delayMs = Math.min(delayMs * 2, retryMs.most);
  }

  async function retry(store: SiteStore, decision: SignedDecision): Promise<void> {
    if (trouble?.decision !== decision) return;
    const { error, timings } = await follow(store, 'start', null);
    if (following.signal.aborted && error !== null) return;
    if (error !== null) return remember(store, decision, error, false);
    await pending.clear();
    forget();
    log.info({ site, release: decision.release }, 'hooks that had failed have succeeded');
    reportSwitched(decision, timings);
  }

  async function afterSwitch(
    store: SiteStore,
    decision: SignedDecision,
    outcome: Extract<DecisionOutcome, { outcome: 'switched' }>,
    from: ReturnType<typeof treeOnNode>,
  ): Promise<void> {
    const kind = decision.kind === 'rollback' ? 'rollback' : 'publish';
    const { error, timings, switchBack } = await follow(store, kind, from);
    // What is wrong with a release that gives way is of no interest any more; the next one's hooks follow.
    if (following.signal.aborted && error !== null) return;
    if (error === null) {
      await pending.clear();
      report({ type: 'switched', site, receipt: signReceipt(site, 'switched', outcome.proof, timings) });
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
    await pending.write({ release: decision.release, refused: error });
    const outcome = await store.switchBack(decision);
    if (outcome.outcome !== 'switched') {
      await pending.write({ release: decision.release, refused: null });
      return remember(store, decision, error, false);
    }
    const back = await follow(store, 'switch-back', failed);
    log.warn(
      { site, release: decision.release, hooks: back.timings },
      'this node returned to its former tree',
    );
    const told = `${error.message}; this node returned to its former tree`;
    const and = back.error === null ? '' : `, where ${back.error.message}`;
    remember(store, decision, { ...error, message: `${told}${and}` }, true);
  }

  return {
    reportStale,

    async opened(store) {
      await hooks.attach(store);
      const noted = await pending.read();
      if (noted === null) return;
      const { lastDecision, executed } = store.holding();
      if (lastDecision === null || compareReleases(lastDecision.release, noted.release) !== 0) {
        await pending.clear();
      } else if (noted.refused !== null) {
        // The crash may have come between the note and the way back.
        if (executed) await store.switchBack(lastDecision);
        trouble = { decision: lastDecision, error: noted.refused, refused: true };
      } else if (executed) {
        const { error, timings } = await follow(store, 'start', null);
        if (error !== null) return remember(store, lastDecision, error, false);
        await pending.clear();
        finished = { decision: lastDecision, timings };
      }
    },

    async execute(store, decision) {
      if (trouble?.refused && compareReleases(trouble.decision.release, decision.release) === 0) {
        reportStale(decision, store.live(), fromWireError(trouble.error));
        return;
      }
      const from = treeOnNode(store.resolveLive());
      let outcome: DecisionOutcome;
      try {
        if (hooks.hasFollowers && !isExecuted(store, decision))
          await pending.write({ release: decision.release, refused: null });
        outcome = await store.decide(decision);
      } catch (error) {
        log.error({ site, release: decision.release, err: error }, 'the switch failed');
        reportStale(decision, store.live(), error);
        return;
      }
      switch (outcome.outcome) {
        case 'switched':
          forget();
          await afterSwitch(store, decision, outcome, from);
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
    },

    tellAgain(store, decision) {
      if (finished !== null && compareReleases(finished.decision.release, decision.release) === 0) {
        reportSwitched(decision, finished.timings);
        finished = null;
        return true;
      }
      if (trouble === null || compareReleases(trouble.decision.release, decision.release) !== 0) return false;
      reportStale(decision, store.live(), fromWireError(trouble.error));
      return true;
    },

    giveWay() {
      following.abort();
    },

    close() {
      cancelRetry?.();
      following.abort();
    },
  };
}

function isExecuted(store: SiteStore, { release }: SignedDecision): boolean {
  const { lastDecision, executed } = store.holding();
  return executed && lastDecision !== null && compareReleases(lastDecision.release, release) === 0;
}
