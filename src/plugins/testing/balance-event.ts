// A BalanceEvent for tests of hooks that speak to balancers: one node of the site `docs`, unless told otherwise.

import type { BalanceEvent, WeighEvent } from '../api/hooks.ts';

/** With `share` it is an event for `weigh`. */
export function balanceEvent(overrides: Partial<WeighEvent> & Pick<WeighEvent, 'share'>): WeighEvent;
export function balanceEvent(overrides?: Partial<BalanceEvent>): BalanceEvent;
export function balanceEvent(overrides: Partial<WeighEvent> = {}): BalanceEvent {
  return {
    site: 'docs',
    nodes: [{ name: 'web-1', url: 'http://127.0.0.1:8080', labels: {} }],
    reason: 'publish 1-0002',
    ...overrides,
  };
}
