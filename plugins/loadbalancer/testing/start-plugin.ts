// The plugin in tests, its hooks called by names of nodes.

import type { BalanceEvent, BalancerState } from 'treecast/plugin';
import { balanceEvent, startPlugin as start } from 'treecast/plugin/testing';
import { loadbalancer } from '../loadbalancer.ts';

export interface StartedPlugin {
  /** Warnings so far. */
  readonly warnings: readonly string[];
  drain(nodes: readonly string[], options?: CallOptions): Promise<string>;
  restore(nodes: readonly string[], options?: CallOptions): Promise<string>;
  weigh(nodes: readonly string[], share: number): Promise<string>;
  inspect(
    nodes: readonly string[],
    options?: CallOptions,
  ): Promise<{ nodes: readonly BalancerState[]; note?: string }>;
  validate(): Promise<void>;
  close(): Promise<void>;
}

interface CallOptions {
  readonly site?: string;
  readonly signal?: AbortSignal;
}

/** Starts also without its balancers: `validate` is called by the test. */
export async function startPlugin(balancers: readonly Record<string, unknown>[]): Promise<StartedPlugin> {
  const started = await start(loadbalancer, { config: { balancers }, validateAtStart: false });
  return {
    get warnings() {
      return started.warnings;
    },
    drain: async (nodes, options) => noteOf(await started.call('drain', eventOf(nodes, options), options)),
    restore: async (nodes, options) =>
      noteOf(await started.call('restore', eventOf(nodes, options), options)),
    weigh: async (nodes, share) => noteOf(await started.call('weigh', { ...eventOf(nodes), share })),
    async inspect(nodes, options) {
      const answer = await started.call('inspect', eventOf(nodes, options), options);
      if (!answer) throw new Error('no answer');
      return answer;
    },
    validate: started.validate,
    close: started.close,
  };
}

export function eventOf(
  nodes: readonly string[],
  { site = 'docs' }: { readonly site?: string } = {},
): BalanceEvent {
  return balanceEvent({ site, nodes: nodes.map((name) => ({ name, url: null, labels: {} })) });
}

function noteOf(answer: unknown): string {
  const { note } = (answer ?? {}) as { readonly note?: string };
  return note ?? '';
}
