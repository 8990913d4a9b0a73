// A fleet in memory for the core's tests: nodes that stage and switch as the agent's contract says, a queue of messages that
// keeps each node's order, a virtual clock, and faults chosen by the caller's random source. No I/O.

import assert from 'node:assert/strict';
import type { CcmMessage } from '../../../model/messages.ts';
import type { Decision, SignedDecision } from '../../../model/receipt.ts';
import { compareReleases } from '../../../model/release.ts';
import { defaultSitePolicy, type SitePolicy } from '../../../model/site.ts';
import { apply } from '../apply.ts';
import { type Effect, isPersist, type PersistEffect } from '../effects.ts';
import { type CoreEvent, timerKey } from '../events.ts';
import { isWithheld } from '../setback.ts';
import type { CoreState } from '../state.ts';
import { createSimulatedBalancers } from './simulated-balancers.ts';
import { createNodeBehaviour, type SimulatedAssignment, type SimulatedNode } from './simulated-node.ts';

export interface FleetOptions {
  readonly nodes: number;
  readonly policy?: Partial<SitePolicy>;
  /** 0 ≤ n < bound; decides the order in which messages and answers arrive. */
  readonly pick: (bound: number) => number;
  /** Given what each event asks to be written, before anything else is carried out. */
  readonly persist?: (state: CoreState, effects: readonly PersistEffect[]) => void;
}

export const site = 'sample';
const sign = (decision: Decision): SignedDecision => ({ ...decision, signature: 'simulated' });

export function createSimulatedFleet({ nodes: count, policy = {}, pick, persist }: FleetOptions) {
  const state: CoreState = {
    startedAt: -60_000,
    nextSnapshotId: 1,
    sites: new Map(),
    removedSites: new Map(),
    nodes: new Map(),
    jobs: new Map(),
  };
  const nodes = Array.from(
    { length: count },
    (_, index): SimulatedNode => ({
      name: `n${index + 1}`,
      connection: null,
      live: null,
      backup: null,
      staged: null,
      lastDecision: null,
      executed: true,
      failsWith: null,
      pluginFails: null,
      wentBackFrom: null,
      isSilent: false,
    }),
  );
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const timers = new Map<string, { at: number; event: CoreEvent }>();
  const assignments = new Map<string, SimulatedAssignment>();
  /** What is under way, in order for each channel; a channel is a node's connection, or `builder`. */
  const channels = new Map<string, (() => void)[]>();
  const told: string[] = [];
  const decisions: Decision[] = [];
  const logged: { kind: string; job: string | null; data?: Readonly<Record<string, unknown>> }[] = [];
  let now = 0;
  let heard: ((message: CcmMessage) => void) | undefined;
  let connections = 0;
  let republished = 0;
  /** The first decision after a restore may be below those that were lost with the database. */
  let isCopiedBack = false;

  const { balancers, act, checkSwitch, settle } = createSimulatedBalancers({
    state,
    site,
    enqueue: (work) => enqueue('balancers', work),
    post,
  });
  const { stage, decide, undo, holdingOf } = createNodeBehaviour(site, answer, (node, decision) =>
    checkSwitch(node.name, decision),
  );

  function enqueue(channel: string, work: () => void): void {
    const queue = channels.get(channel) ?? [];
    queue.push(work);
    channels.set(channel, queue);
  }

  function post(event: CoreEvent): void {
    const before = new Map([...state.jobs].map(([id, job]) => [id, job.phase]));
    const effects = apply(state, event, now, sign);
    persist?.(state, effects.filter(isPersist));
    for (const effect of effects) carryOut(effect);
    settle(effects);
    for (const job of state.jobs.values()) {
      const former = before.get(job.id);
      if (former === 'committing')
        assert.ok(job.phase === 'committing' || job.phase === 'succeeded', 'a decided job only goes forward');
    }
    const running = [...state.jobs.values()].filter((job) =>
      ['planning', 'staging', 'committing'].includes(job.phase),
    );
    assert.ok(running.length <= 1, 'one job of a site runs at a time');
    for (const job of [...state.jobs.values()]) if (job.endedAt !== null) state.jobs.delete(job.id);
  }

  function carryOut(effect: Effect): void {
    if (effect.do === 'setTimer')
      timers.set(timerKey(effect.timer), { at: effect.at, event: { type: 'timer', timer: effect.timer } });
    else if (effect.do === 'clearTimer') timers.delete(timerKey(effect.timer));
    else if (effect.do === 'tell') told.push(`${effect.job}: ${effect.text}${effect.end ? ' (end)' : ''}`);
    else if (effect.do === 'insertDecision') checkDecision(effect.decision, effect.job);
    else if (effect.do === 'republish') republish();
    else if (effect.do === 'drain' || effect.do === 'restore') act(effect);
    else if (effect.do === 'log') logged.push({ ...effect, job: effect.job ?? null });
    else if (effect.do === 'build') enqueue('builder', () => build(effect));
    else if (effect.do === 'deliver')
      for (const name of effect.nodes)
        toNode(name, (node) =>
          stage(
            node,
            assignments.get(effect.assignments[0] as string) as SimulatedAssignment,
            effect.release,
          ),
        );
    else if (effect.do === 'welcome' || effect.do === 'grant') {
      const here = state.sites.get(site);
      const decision = here === undefined || isWithheld(state, here, effect.node) ? null : here.lastDecision;
      if (decision !== null) toNode(effect.node, (node) => decide(node, decision));
    } else if (effect.do === 'send') {
      const { message } = effect;
      heard?.(message);
      for (const name of effect.nodes) {
        if (message.type === 'decision') {
          const here = state.sites.get(site);
          const isLast = here?.lastDecision === message.decision;
          assert.ok(
            here === undefined || !isLast || !isWithheld(state, here, name),
            `${name} must not hear of the decision`,
          );
          toNode(name, (node) => decide(node, message.decision));
        } else if (message.type === 'removed') {
          toNode(name, (node) =>
            Object.assign(node, {
              live: null,
              backup: null,
              staged: null,
              lastDecision: null,
              executed: true,
              wentBackFrom: null,
            }),
          );
        } else if (message.type === 'abort') toNode(name, (node) => undo(node, message.release));
      }
    }
  }

  function republish(): void {
    const live = state.sites.get(site)?.live;
    if (live == null) return;
    enqueue('recovery', () =>
      post({
        type: 'publishRequested',
        job: `again-${++republished}`,
        site,
        commit: live.commit ?? live.tree,
        tree: live.tree,
        requestedBy: 'recovery',
        branchHead: null,
        allowDelete: true,
      }),
    );
  }

  function checkDecision(decision: Decision, jobId: string): void {
    const last = decisions.at(-1);
    const isFirst = isCopiedBack;
    isCopiedBack = false;
    assert.ok(
      last === undefined || isFirst || compareReleases(decision.release, last.release) > 0,
      'releases of decisions only rise',
    );
    decisions.push(decision);
    const job = state.jobs.get(jobId);
    assert.ok(job);
    if (
      decision.kind !== 'commit' ||
      state.sites.get(site)?.policy.commit !== 'all' ||
      state.sites.get(site)?.policy.autonomous
    )
      return;
    const open = [...job.nodes.values()].filter(
      (node) => node.state !== 'left-out' && node.state !== 'staged',
    );
    assert.deepEqual(open, [], 'every node that started has staged');
  }

  function toNode(name: string, work: (node: SimulatedNode) => void): void {
    const node = byName.get(name);
    const connection = node?.connection;
    if (node === undefined || connection == null) return;
    enqueue(`${name}/${connection}`, () => {
      if (node.connection === connection) work(node);
    });
  }

  /** The node's answer travels back on its connection; it is lost with it. */
  function answer(node: SimulatedNode, event: CoreEvent): void {
    const { connection } = node;
    if (node.isSilent) return;
    enqueue(`${node.name}/${connection}`, () => {
      if (node.connection === connection) post(event);
    });
  }

  function build(effect: Extract<Effect, { do: 'build' }>): void {
    const cohorts = effect.bases.map((base) => {
      const id = `${base}>${effect.target}@${effect.release.epoch}-${effect.release.sequence}`;
      assignments.set(id, { base, target: effect.target });
      return { base, assignments: [id], bytes: 1 };
    });
    const lineage =
      effect.job === null
        ? null
        : { contentSequence: effect.release.sequence, baseSequence: 1, baseMtime: 0 };
    post({ type: 'built', job: effect.job, site, release: effect.release, cohorts, files: 1, lineage });
  }

  function configure(members = nodes.map((node) => node.name), maintenance: readonly string[] = []): void {
    post({
      type: 'configured',
      sites: [
        {
          name: site,
          epoch: 1,
          formerEpoch: 0,
          repository: site,
          branch: 'main',
          policy: { ...defaultSitePolicy, ...policy },
          members,
        },
      ],
      removedSites: [],
      nodes: nodes.map((node) => ({ name: node.name, maintenance: maintenance.includes(node.name) })),
    });
  }

  configure();

  return {
    state,
    nodes,
    told,
    decisions,
    logged,
    balancers,
    post,
    configure,
    get now() {
      return now;
    },
    site: () => {
      const found = state.sites.get(site);
      assert.ok(found);
      return found;
    },
    connect(node: SimulatedNode): void {
      node.connection = ++connections;
      post({
        type: 'nodeConnected',
        node: node.name,
        connection: String(node.connection),
        sites: [holdingOf(node)],
      });
    },
    disconnect(node: SimulatedNode): void {
      const { connection } = node;
      if (connection === null) return;
      node.connection = null;
      channels.delete(`${node.name}/${connection}`);
      post({ type: 'nodeDisconnected', node: node.name, connection: String(connection) });
    },
    onSend(listener: (message: CcmMessage) => void): void {
      heard = listener;
    },
    /** Does one thing that is under way; false when nothing is. */
    step(): boolean {
      const open = [...channels].filter(([, queue]) => queue.length > 0);
      if (open.length === 0) return false;
      const [, queue] = open[pick(open.length)] as [string, (() => void)[]];
      queue.shift()?.();
      return true;
    },
    settle(): void {
      while (this.step());
    },
    /** The CCM ends and starts again: connections, timers and what was under way are gone, rows are as load-state reads them. */
    restart(): void {
      timers.clear();
      channels.clear();
      for (const node of nodes) node.connection = null;
      for (const node of state.nodes.values()) {
        node.connection = null;
        node.isAway = false;
        for (const row of node.sites.values())
          Object.assign(row, { told: 'no', synchronizingFrom: null, synchronizeAttempts: 0 });
      }
      const running = state.sites.get(site)?.running;
      const job = running == null ? undefined : state.jobs.get(running);
      const here = state.sites.get(site);
      here?.synchronizing.clear();
      if (job !== undefined) {
        job.assignments.clear();
        job.rollout = null;
        if (job.phase !== 'committing') {
          job.phase = 'queued';
          if (here !== undefined) here.running = null;
          here?.queued.unshift(job.id);
        }
      }
      Object.assign(state, { startedAt: now });
      this.configure();
      post({ type: 'started' });
    },
    /** The database as it is now, for {@link copyBack}. */
    copyDatabase: (): CoreState => structuredClone(state),
    /** The CCM ends, its database is replaced by the copy, and it starts again; nodes keep what they have. */
    copyBack(copy: CoreState, { isNoticed = false } = {}): void {
      Object.assign(state, structuredClone(copy));
      // What settle-copy.ts does when the file itself shows it.
      if (isNoticed) {
        for (const each of state.sites.values()) {
          each.epoch += 1;
          each.queued = [];
          if (each.running !== null && state.jobs.get(each.running)?.phase !== 'committing')
            each.running = null;
          for (const job of [...state.jobs.values()]) if (job.id !== each.running) state.jobs.delete(job.id);
        }
      }
      isCopiedBack = true;
      // Hellos are not kept in the database.
      for (const node of state.nodes.values()) {
        node.unknownSites.clear();
        for (const row of node.sites.values()) row.lastDecision = null;
      }
      this.restart();
    },
    wait(milliseconds: number): void {
      now += milliseconds;
    },
    /** Moves the clock to the next timer and fires it; false when there is none. */
    fireTimer(): boolean {
      const next = [...timers].sort(([, a], [, b]) => a.at - b.at)[0];
      if (next === undefined) return false;
      timers.delete(next[0]);
      now = Math.max(now, next[1].at);
      post(next[1].event);
      return true;
    },
    /** Lets time pass; timers that become due fire. */
    pass(ms: number): void {
      const until = now + ms;
      while ([...timers.values()].some(({ at }) => at <= until)) this.fireTimer();
      now = until;
    },
    publish(tree: string, id = `job-${tree}`, requestedBy = 'author'): void {
      post({
        type: 'publishRequested',
        job: id,
        site,
        commit: `commit-${tree}`,
        tree,
        requestedBy,
        branchHead: `commit-${tree}`,
        allowDelete: false,
      });
    },
    rollback(id: string): void {
      post({ type: 'rollbackRequested', job: id, site, requestedBy: 'operator' });
    },
  };
}
