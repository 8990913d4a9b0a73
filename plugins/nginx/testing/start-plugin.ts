// The plugin as a host sets it up, for tests that call its hooks one by one.

import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Exec, HookEvent, HookName, HookResult, Hooks, PluginLog } from 'treecast/plugin';
import { nginx } from '../nginx.ts';
import type { RealNginx } from './real-nginx.ts';

export interface StartedPlugin {
  call<H extends HookName>(
    hook: H,
    event: HookEvent<H>,
    options?: { dryRun?: boolean; signal?: AbortSignal },
  ): Promise<HookResult<H>>;
  /** Programs it ran so far. */
  readonly ran: string[][];
  close(): Promise<void>;
}

const log: PluginLog = { debug() {}, info() {}, warn() {}, error() {} };

/** `state` names its state directory: the same name is the same instance, started again. */
export async function startPlugin(
  real: RealNginx,
  config: Record<string, unknown> = {},
  state = 'nginx',
): Promise<StartedPlugin> {
  const stateDirectory = join(real.prefix, 'state', state);
  mkdirSync(stateDirectory, { recursive: true });
  const ran: string[][] = [];
  const exec: Exec = (program, args, options = {}) => {
    ran.push([program, ...args]);
    return new Promise((resolve, reject) => {
      execFile(
        program,
        args,
        {
          timeout: options.timeoutMs ?? 30_000,
          env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
          ...(options.signal ? { signal: options.signal } : {}),
        },
        (error, stdout, stderr) => {
          if (error && typeof error.code !== 'number') reject(error);
          else
            resolve({
              code: typeof error?.code === 'number' ? error.code : 0,
              stdout,
              stderr,
              truncated: false,
            });
        },
      );
    });
  };
  const cleanups: (() => void | Promise<void>)[] = [];
  const parts = await nginx.setup({
    config: nginx.configSchema.parse({
      mainConfiguration: real.mainConfiguration,
      includeDirectory: real.includeDirectory,
      ...config,
    }),
    place: 'agent',
    instance: state,
    log,
    exec,
    stateDirectory,
    onCleanup: (clean) => cleanups.push(clean),
  });
  const signalNever = new AbortController().signal;
  await parts.validate?.({ signal: signalNever, log, dryRun: false });
  return {
    ran,
    call: async (hook, event, { dryRun = false, signal = signalNever } = {}) => {
      const hooks: Hooks = parts.hooks;
      return (await hooks[hook]?.(event, { signal, log, dryRun })) as HookResult<typeof hook>;
    },
    close: async () => {
      for (const clean of cleanups.reverse()) await clean();
    },
  };
}
