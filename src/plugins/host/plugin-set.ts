// The plugins of one program: set up together, called by hook, taken down together. Callers say what a failure means (the hook table).

import type { WireError } from '../../model/treecast-error.ts';
import type { HookName } from '../api/hook-table.ts';
import type { HookEvent, HookResult } from '../api/hooks.ts';

export interface HookRun<H extends HookName = HookName> {
  /** The instance's name. */
  readonly plugin: string;
  readonly hook: H;
  /** Whole milliseconds. */
  readonly ms: number;
  readonly answer: HookResult<H> | undefined;
  readonly error: WireError | null;
  /** Whether trying again can help; true when there is no error. */
  readonly retryable: boolean;
  /** A failed probe that asks for the node's former tree. */
  readonly switchBack: boolean;
}

export interface RunOptions {
  /** Restricts to instances that work for this site. */
  readonly site: string;
  /** Only this instance; kind `first` needs it. */
  readonly instance?: string;
  readonly signal?: AbortSignal;
  readonly dryRun?: boolean;
}

export interface PluginSet {
  /** Instances in the order of the configuration. */
  readonly instances: readonly PluginFacts[];
  /** Whether some instance has this hook for the site; free to ask. */
  has(hook: HookName, site: string): boolean;
  /** Never throws: what failed is in the answers, in order. `sequential` hooks stop at the first failure. */
  run<H extends HookName>(hook: H, event: HookEvent<H>, options: RunOptions): Promise<readonly HookRun<H>[]>;
  close(): Promise<void>;
}

export interface PluginFacts {
  readonly name: string;
  /** The plugin's own name, which its commands are prefixed with. */
  readonly plugin: string;
  readonly summary: string;
  readonly hooks: readonly HookName[];
  /** Null: all. */
  readonly sites: readonly string[] | null;
}

/** The first failure, or null. */
export function failureOf(runs: readonly HookRun[]): WireError | null {
  return runs.find((run) => run.error !== null)?.error ?? null;
}

export const noPlugins: PluginSet = {
  instances: [],
  has: () => false,
  run: () => Promise.resolve([]),
  close: () => Promise.resolve(),
};
