// The load balancers of a simulated fleet: they do what `drain` and `restore` say, fail or fall silent when told to, and check that
// rollouts never take out too many, never switch who serves unless nobody can be spared, and put back whom they switched.

import assert from 'node:assert/strict';
import type { SignedDecision } from '../../../model/receipt.ts';
import { compareReleases } from '../../../model/release.ts';
import type { Effect } from '../effects.ts';
import type { CoreEvent } from '../events.ts';
import { neededOf } from '../readiness.ts';
import { servingOf } from '../serving.ts';
import { setbackOf } from '../setback.ts';
import type { CoreState, Job } from '../state.ts';

export interface SimulatedBalancers {
  /** Whom nobody is sent to because a rollout said so. */
  readonly out: Set<string>;
  /** Nodes that cannot be taken out, or put back. */
  readonly failing: Set<string>;
  /** Do what they are told and answer nothing. */
  isSilent: boolean;
  /** What was asked, in order: `drain n1,n2`. */
  readonly asked: string[];
}

interface BalancersOptions {
  readonly state: CoreState;
  readonly site: string;
  readonly enqueue: (work: () => void) => void;
  readonly post: (event: CoreEvent) => void;
}

export function createSimulatedBalancers({ state, site: siteName, enqueue, post }: BalancersOptions) {
  const balancers: SimulatedBalancers = { out: new Set(), failing: new Set(), isSilent: false, asked: [] };
  const { out, failing } = balancers;
  let serving = '[]';
  /** `job node` of every node that a job's rollout has asked to be taken out. */
  const drained = new Set<string>();

  function act(effect: Extract<Effect, { do: 'drain' | 'restore' }>): void {
    balancers.asked.push(`${effect.do} ${effect.nodes.join(',')}`);
    if (effect.do === 'drain') {
      checkDrain(effect.job, effect.nodes);
      for (const node of effect.nodes) drained.add(`${effect.job} ${node}`);
    }
    enqueue(() => {
      // A balancer's own bound is shorter than the core's: nothing is done after the core has given up.
      if (effect.do === 'drain' && !isAwaited(effect.job)) return;
      for (const node of effect.nodes) {
        if (failing.has(node)) continue;
        if (effect.do === 'drain') out.add(node);
        else out.delete(node);
      }
      if (balancers.isSilent) return;
      const error = { code: 'DRAIN_FAILED', message: 'sessions remain' } as const;
      post({
        type: effect.do === 'drain' ? 'drained' : 'restored',
        site: siteName,
        job: effect.job,
        nodes: effect.nodes.map((node) => ({ node, error: failing.has(node) ? error : null })),
      });
    });
  }

  function isAwaited(job: string): boolean {
    return state.jobs.get(job)?.rollout?.batch?.phase === 'draining';
  }

  function checkDrain(jobId: string, nodes: readonly string[]): void {
    const site = state.sites.get(siteName);
    const job = state.jobs.get(jobId);
    assert.ok(site?.policy.drain && job?.rollout && nodes.length > 0);
    const members = [...site.members].flatMap((name) => state.nodes.get(name) ?? []);
    const outsideMaintenance = members.filter((node) => !node.maintenance);
    const servingNow = outsideMaintenance.filter((node) => {
      const row = node.sites.get(siteName);
      const tree = row?.live?.tree;
      if (row === undefined || node.connection === null || out.has(node.name)) return false;
      if (tree !== job.tree && tree !== job.baseTree) return false;
      const setback = setbackOf(site, row);
      const ended = job.nodes.get(node.name)?.state;
      return setback === null
        ? tree !== undefined && ended !== 'stale' && ended !== 'lost'
        : setback.error.code === 'DRAIN_FAILED';
    });
    const left = servingNow.filter((node) => !nodes.includes(node.name)).length;
    const needed = neededOf(site.policy.drain.minInService, outsideMaintenance.length);
    assert.ok(
      left >= Math.min(needed, servingNow.length - 1) &&
        (left > 0 || needed === 0 || servingNow.length === 0),
      `JOB-19: ${left} of ${servingNow.length} would stay in service, ${needed} must`,
    );
    const most = Math.max(1, neededOf(site.policy.drain.batch, job.rollout.total));
    assert.ok(nodes.length <= most, 'JOB-19: a batch has its bound');
  }

  /** A node that serves is switched only after its turn has come. */
  function checkSwitch(node: string, decision: SignedDecision): void {
    const site = state.sites.get(siteName);
    const job = [...state.jobs.values()].find(({ id }) => id === site?.running);
    if (job?.rollout == null || job.release === null) return;
    if (compareReleases(decision.release, job.release) !== 0) return;
    const { rollout } = job;
    assert.ok(!rollout.waiting.has(node), 'JOB-19: nobody is switched before its turn');
    const served = state.nodes.get(node)?.sites.get(siteName)?.live ?? null;
    if (served === null || job.nodes.get(node)?.state !== 'staged') return;
    assert.ok(
      out.has(node) || rollout.out.has(node) || rollout.undrained.has(node) || site?.policy.drain === null,
      'JOB-19: it was taken out, or could not be spared',
    );
  }

  function checkEnd(job: Job): void {
    for (const [name, { state: ended }] of job.nodes) {
      if (job.rollout === null || ended !== 'live' || failing.has(name)) continue;
      if (!drained.has(`${job.id} ${name}`)) continue;
      if (job.rollout.out.get(name) === 'stuck' || !state.sites.get(siteName)?.members.has(name)) continue;
      assert.ok(!out.has(name), `JOB-19: ${name} is live and was put back`);
    }
  }

  /** After every event: whoever keeps the balancers must have been told of a change, and puts back what no rollout holds. */
  function settle(effects: readonly Effect[]): void {
    for (const job of state.jobs.values()) if (job.endedAt !== null) checkEnd(job);
    const now = servingOf(state, siteName);
    const text = JSON.stringify(now);
    if (text !== serving)
      assert.ok(
        effects.some((effect) => effect.do === 'servingChanged' && effect.site === siteName),
        `servingOf changed silently: ${serving} to ${text}`,
      );
    serving = text;
    const running = state.sites.get(siteName)?.running;
    const rollout = running == null ? null : state.jobs.get(running)?.rollout;
    for (const { node, wanted } of now)
      if (wanted === 'in' && rollout?.out.has(node) !== true) out.delete(node);
  }

  return { balancers, act, checkSwitch, settle };
}
