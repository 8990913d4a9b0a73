// The plugin as the host starts it, without a host: its hooks by node names.

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BalanceEvent,
  type BalancerState,
  type Exec,
  type HookCall,
  PluginError,
  type PluginLog,
} from 'treecast/plugin';
import { loadbalancer } from '../loadbalancer.ts';

export interface StartedPlugin {
  readonly stateDirectory: string;
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

export async function startPlugin(balancers: readonly Record<string, unknown>[]): Promise<StartedPlugin> {
  const stateDirectory = await mkdtemp(join(tmpdir(), 'treecast-balancer-state-'));
  const warnings: string[] = [];
  const nothing = (): void => undefined;
  const log: PluginLog = {
    debug: nothing,
    info: nothing,
    error: nothing,
    warn: (_facts, message) => void warnings.push(message),
  };
  const config = loadbalancer.configSchema.parse({ balancers });
  const parts = await loadbalancer.setup({
    config,
    exec,
    log,
    stateDirectory,
    place: 'ccm',
    instance: 'loadbalancer',
    onCleanup: nothing,
  });
  const call = (options: CallOptions = {}): HookCall => ({
    signal: options.signal ?? AbortSignal.timeout(60_000),
    log,
    dryRun: false,
  });
  const { drain, restore, weigh, inspect } = parts.hooks;
  if (!drain || !restore || !weigh || !inspect) throw new Error('a hook is missing');
  return {
    stateDirectory,
    warnings,
    drain: async (nodes, options) => noteOf(await drain(eventOf(nodes, options), call(options))),
    restore: async (nodes, options) => noteOf(await restore(eventOf(nodes, options), call(options))),
    weigh: async (nodes, share) => noteOf(await weigh({ ...eventOf(nodes), share }, call())),
    async inspect(nodes, options) {
      const answer = await inspect(eventOf(nodes, options), call(options));
      if (!answer) throw new Error('no answer');
      return answer;
    },
    validate: async () => parts.validate?.(call()),
    close: () => rm(stateDirectory, { recursive: true, force: true }),
  };
}

export function eventOf(
  nodes: readonly string[],
  { site = 'docs' }: { readonly site?: string } = {},
): BalanceEvent {
  return { site, reason: 'test', nodes: nodes.map((name) => ({ name, url: null, labels: {} })) };
}

function noteOf(answer: unknown): string {
  const { note } = (answer ?? {}) as { readonly note?: string };
  return note ?? '';
}

const exec: Exec = (program, args, options = {}) =>
  new Promise((resolve, reject) => {
    const { PATH, TZ, HOME } = process.env;
    const child = execFile(
      program,
      [...args],
      {
        env: { PATH: `${PATH}:/usr/sbin`, TZ, HOME, ...options.env },
        ...(options.signal === undefined ? {} : { signal: options.signal }),
        timeout: options.timeoutMs ?? 30_000,
      },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : error.code;
        if (typeof code === 'number') resolve({ code, stdout, stderr, truncated: false });
        else reject(new PluginError(`${program} could not be run (${String(code)})`, { fix: 'Install it.' }));
      },
    );
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input);
  });
