// Several entries of one node, on several balancers, as one state of the node.

import type { BalancerState } from 'treecast/plugin';
import type { ServerLook } from './balancer-driver.ts';

/**
 * Only what is so everywhere is told: partly in and partly out is `unknown`, so that whoever wants either asserts it again. Sessions are
 * added up; the weight is the lowest.
 */
export function mergeLooks(node: string, looks: readonly ServerLook[]): BalancerState {
  const states = new Set(looks.map(({ state }) => state));
  const [only] = states;
  const state =
    states.size === 1 && only !== undefined
      ? only
      : [...states].every((one) => one === 'draining' || one === 'out')
        ? 'draining'
        : 'unknown';
  const sessions = looks.flatMap((look) => (look.sessions === null ? [] : [look.sessions]));
  const weights = looks.flatMap((look) => (look.weight === null ? [] : [look.weight]));
  return {
    node,
    state: looks.length === 0 ? 'unknown' : state,
    sessions: sessions.length === 0 ? null : sessions.reduce((sum, one) => sum + one, 0),
    weight: weights.length === 0 ? null : Math.min(...weights),
  };
}
