// Keeps the balancers as they should be: nodes that must not serve are out, the others are back in. Carries out a rollout's drains,
// and asserts again what a balancer forgot over a reload (N28). Takes back only what it took out itself: a server that somebody
// put into maintenance by hand stays there.

import type { BalanceAction, BalanceResource } from '../../model/api.ts';
import { toWireError, type WireError } from '../../model/treecast-error.ts';
import type { Clock } from '../../net/clock.ts';
import type { BalancedNode } from '../../plugins/api/hooks.ts';
import { failureOf, type PluginSet } from '../../plugins/host/plugin-set.ts';
import { createLanes } from './lanes.ts';
import type { NodesHeldOut } from './nodes-held-out.ts';

export interface WantedState {
  readonly node: string;
  readonly wanted: 'in' | 'out';
  readonly reason: string;
}

export interface NodeResult {
  readonly node: string;
  readonly error: WireError | null;
}

export interface BalancerGate {
  /**
   * For a rollout: out of service now, whatever is wanted otherwise; each node with what went wrong. What closing interrupted has
   * not gone wrong, and is left out.
   */
  drain(site: string, nodes: readonly string[], reason: string): Promise<readonly NodeResult[]>;
  restore(site: string, nodes: readonly string[], reason: string): Promise<readonly NodeResult[]>;
  /** What is wanted may have changed. */
  changed(site: string): void;
  /** An operator's word; stays until the opposite is said. */
  act(
    site: string,
    action: BalanceAction,
    nodes: readonly string[],
    share: number,
  ): Promise<readonly NodeResult[]>;
  show(site: string): Promise<BalanceResource>;
  close(): Promise<void>;
}

export interface BalancerGateOptions {
  readonly plugins: PluginSet;
  readonly sites: () => readonly string[];
  /** What the core wants, members in name order. */
  readonly serving: (site: string) => readonly WantedState[];
  readonly facts: (node: string) => BalancedNode;
  readonly heldOut: NodesHeldOut;
  readonly onProblem: (site: string, node: string, error: WireError) => void;
  readonly onBug: (error: unknown) => void;
  readonly clock: Clock;
}

const assertEveryMs = 10_000;
const settleMs = 50;

export function createBalancerGate(options: BalancerGateOptions): BalancerGate {
  const { plugins, serving, facts, heldOut, clock, onBug } = options;
  /** One thing at a time for a node of a site. */
  const lanes = createLanes();
  const waiting = new Map<string, () => void>();
  /** Nodes that a rollout is about to switch: nobody else moves them. */
  const rolling = new Set<string>();
  /** Whose last drain succeeded, since this start. */
  const drained = new Set<string>();
  const asserting = new Map<string, Promise<void>>();
  let closed = false;

  const has = (site: string): boolean => plugins.has('drain', site) || plugins.has('restore', site);
  const keyOf = (site: string, node: string): string => `${site} ${node}`;

  function inLane<T>(site: string, node: string, work: () => Promise<T>): Promise<T> {
    return lanes.run(keyOf(site, node), work);
  }

  async function move(
    hook: 'drain' | 'restore',
    site: string,
    node: string,
    reason: string,
  ): Promise<NodeResult> {
    const key = keyOf(site, node);
    let error: WireError | null;
    try {
      // Still out, and noted as such: put back when the other site lets go of it.
      if (hook === 'restore' && isHeldElsewhere(site, node)) return { node, error: null };
      drained.delete(key);
      // Noted first: after a crash a node that may be out is put back when it should be in.
      if (hook === 'drain') heldOut.note(site, node);
      error = failureOf(await plugins.run(hook, { site, nodes: [facts(node)], reason }, { site }));
      if (error === null && hook === 'drain') drained.add(key);
      else if (error === null) {
        heldOut.forget(site, node);
        for (const other of tiedTo(site)) if (heldOut.isNoted(other, node)) changed(other);
      }
    } catch (cause) {
      onBug(cause);
      error = toWireError(cause);
    }
    if (error !== null && !closed) options.onProblem(site, node, error);
    return { node, error };
  }

  /** Sites that an instance with balancers works for as well: a server there may serve all of them. */
  function tiedTo(site: string): string[] {
    const instances = plugins.instances.filter(({ hooks }) => hooks.includes('drain'));
    const covers = (sites: readonly string[] | null, name: string) => sites === null || sites.includes(name);
    return options
      .sites()
      .filter(
        (other) =>
          other !== site && instances.some(({ sites }) => covers(sites, site) && covers(sites, other)),
      );
  }

  /** PLG-19: whether another site needs the node out of balancers that this one shares. */
  function isHeldElsewhere(site: string, node: string): boolean {
    return tiedTo(site).some(
      (other) =>
        heldOut.isNoted(other, node) &&
        (rolling.has(keyOf(other, node)) ||
          wantedOf(other).some((state) => state.node === node && state.wanted === 'out')),
    );
  }

  function wantedOf(site: string): WantedState[] {
    return serving(site).map((state) =>
      heldOut.byOperator(site, state.node)
        ? { ...state, wanted: 'out', reason: 'taken out by an operator' }
        : state,
    );
  }

  /** Makes one node what is wanted when it is its turn; `anew`: also one that should be out already is taken out. */
  function settle(site: string, node: string, anew = false): Promise<NodeResult> {
    return inLane(site, node, async () => {
      const now = wantedOf(site).find((state) => state.node === node);
      const nothing = { node, error: null };
      if (closed || now === undefined || rolling.has(keyOf(site, node))) return nothing;
      const isOut = heldOut.isNoted(site, node);
      if (now.wanted === 'out') return isOut && !anew ? nothing : move('drain', site, node, now.reason);
      return isOut ? move('restore', site, node, now.reason) : nothing;
    });
  }

  async function reconcile(site: string): Promise<void> {
    if (closed || !has(site)) return;
    // A rollout that ended without putting a node back no longer holds it.
    for (const { node, wanted } of serving(site)) if (wanted === 'in') rolling.delete(keyOf(site, node));
    const unsettled = wantedOf(site).filter(
      ({ node, wanted }) =>
        lanes.isBusy(keyOf(site, node)) || (wanted === 'out') !== heldOut.isNoted(site, node),
    );
    await Promise.all(unsettled.map(({ node }) => settle(site, node)));
  }

  /** PLG-17: a balancer that lost its state, or cannot tell, may serve from a node that should be out: that node is taken out again. */
  async function assertAgain(site: string): Promise<void> {
    const mustBeOut = () =>
      wantedOf(site).filter(({ node, wanted }) => wanted === 'out' && heldOut.isNoted(site, node));
    const out = mustBeOut();
    if (closed || out.length === 0) return;
    const nodes = out.map(({ node }) => facts(node));
    const runs = await plugins.run('inspect', { site, nodes, reason: 'asserting' }, { site });
    const back = new Set(
      runs
        .flatMap(({ answer }) => answer?.nodes ?? [])
        .flatMap(({ node, state }) => (state === 'in' || state === 'unknown' ? [node] : [])),
    );
    const isBlind = plugins.instances.some(
      ({ hooks, sites }) =>
        hooks.includes('drain') && !hooks.includes('inspect') && (sites === null || sites.includes(site)),
    );
    await Promise.all(
      out.map(async ({ node }) => {
        const key = keyOf(site, node);
        const isDoubtful = back.has(node) || (isBlind && !drained.has(key));
        // One that is being moved now is looked at the next time.
        if (!isDoubtful || lanes.isBusy(key)) return;
        await inLane(site, node, async () => {
          const now = mustBeOut().find((state) => state.node === node);
          if (!closed && now !== undefined) await move('drain', site, node, `${now.reason}, again`);
        });
      }),
    );
  }

  let cancelAsserting = clock.after(assertEveryMs, assertAll);
  /** Each site by itself: a balancer that hangs keeps nobody else's from being looked after. */
  function assertAll(): void {
    try {
      for (const site of options.sites().filter(has)) {
        reconcile(site).catch(onBug);
        if (asserting.has(site)) continue;
        const done = assertAgain(site)
          .catch(onBug)
          .finally(() => asserting.delete(site));
        asserting.set(site, done);
      }
    } catch (error) {
      onBug(error);
    }
    cancelAsserting = clock.after(assertEveryMs, assertAll);
  }

  function changed(site: string): void {
    if (closed || waiting.has(site) || !has(site)) return;
    waiting.set(
      site,
      clock.after(settleMs, () => {
        waiting.delete(site);
        reconcile(site).catch(onBug);
      }),
    );
  }

  /** What closing interrupted is taken up again after the next start: nobody failed. */
  function told(results: readonly NodeResult[]): readonly NodeResult[] {
    return closed ? results.filter(({ error }) => error === null) : results;
  }

  return {
    async drain(site, nodes, reason) {
      if (!has(site)) return nodes.map((node) => ({ node, error: null }));
      for (const node of nodes) rolling.add(keyOf(site, node));
      return told(
        await Promise.all(nodes.map((node) => inLane(site, node, () => move('drain', site, node, reason)))),
      );
    },
    async restore(site, nodes, reason) {
      if (!has(site)) return nodes.map((node) => ({ node, error: null }));
      const results = await Promise.all(
        nodes.map((node) =>
          inLane(site, node, async () => {
            rolling.delete(keyOf(site, node));
            if (heldOut.byOperator(site, node)) return { node, error: null };
            return move('restore', site, node, reason);
          }),
        ),
      );
      changed(site);
      return told(results);
    },
    changed,
    async act(site, action, nodes, share) {
      if (action !== 'weigh') {
        for (const node of nodes) heldOut.setByOperator(site, node, action === 'drain');
        if (!has(site)) return nodes.map((node) => ({ node, error: null }));
        return Promise.all(nodes.map((node) => settle(site, node, true)));
      }
      const event = { site, nodes: nodes.map(facts), reason: 'by an operator', share };
      const error = failureOf(await plugins.run('weigh', event, { site }));
      return nodes.map((node) => ({ node, error }));
    },
    async show(site) {
      const wanted = wantedOf(site);
      const nodes = wanted.map(({ node }) => facts(node));
      const runs = await plugins.run('inspect', { site, nodes, reason: 'shown' }, { site });
      return {
        site,
        nodes: wanted.map((state) => ({
          ...state,
          heldOut: heldOut.byOperator(site, state.node),
          balancers: runs.flatMap(({ plugin, answer }) =>
            (answer?.nodes ?? [])
              .filter(({ node }) => node === state.node)
              .map(({ state: now, sessions, weight }) => ({ plugin, state: now, sessions, weight })),
          ),
        })),
        errors: runs.flatMap(({ error }) => error ?? []),
      };
    },
    async close() {
      closed = true;
      cancelAsserting();
      for (const cancel of waiting.values()) cancel();
      await Promise.all([lanes.idle(), ...asserting.values()]);
    },
  };
}
