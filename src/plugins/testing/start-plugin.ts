// Starts one plugin as the host starts it, for a plugin's own tests: configuration decoded, programs real, hooks called with their limits.
// It judges nothing; the conformance suite does.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PluginDefinition, PluginParts } from '../api/define-plugin.ts';
import type { HookName, PluginPlace } from '../api/hook-table.ts';
import type { HookCall, HookEvent, HookResult } from '../api/hooks.ts';
import type { PluginLog } from '../api/plugin-host.ts';
import { createPluginSet } from '../host/create-plugin-set.ts';
import { pluginEntrySchema } from '../host/plugin-entry.ts';
import type { HookRun } from '../host/plugin-set.ts';

export interface StartPluginOptions {
  readonly config?: Record<string, unknown>;
  /** Seconds, by hook, as in the configuration. */
  readonly timeouts?: Partial<Record<HookName, number>>;
  /** Kept when given: what a second start finds. Otherwise made, and removed by `close`. */
  readonly stateDirectory?: string;
  /** The first of the plugin's places otherwise. */
  readonly place?: PluginPlace;
  /** The instance's name; the plugin's own otherwise. */
  readonly instance?: string;
  /** False: `validate` is left to the test, for targets that are not there yet. */
  readonly validateAtStart?: boolean;
}

export interface LoggedLine {
  readonly level: keyof PluginLog;
  readonly message: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface CallOptions {
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

export interface StartedPlugin {
  /** What the plugin's own directory lies in. */
  readonly stateDirectory: string;
  /** The plugin's `stateDirectory`. */
  readonly ownDirectory: string;
  readonly hooks: readonly HookName[];
  readonly logged: readonly LoggedLine[];
  /** Messages of the warnings among `logged`. */
  readonly warnings: readonly string[];
  /** Programs that it ran so far, each with its arguments. */
  readonly ran: readonly (readonly string[])[];
  /** Never throws when the hook fails: see `error`. */
  run<H extends HookName>(hook: H, event: HookEvent<H>, options?: CallOptions): Promise<HookRun<H>>;
  /** The hook itself, without the host around it: answers what it answers and throws what it throws. It has a minute. */
  call<H extends HookName>(hook: H, event: HookEvent<H>, options?: CallOptions): Promise<HookResult<H>>;
  validate(): Promise<void>;
  /** May be called again. */
  close(): Promise<void>;
}

const callTimeoutMs = 60_000;

/** Throws PLUGIN_INVALID with every problem, as at the start of an agent. */
export async function startPlugin(
  plugin: PluginDefinition,
  options: StartPluginOptions = {},
): Promise<StartedPlugin> {
  const { instance = plugin.name, validateAtStart = true } = options;
  const stateDirectory = options.stateDirectory ?? (await mkdtemp(join(tmpdir(), 'treecast-plugin-state-')));
  const logged: LoggedLine[] = [];
  const ran: string[][] = [];
  const closing = new AbortController();
  const write =
    (level: keyof PluginLog) =>
    (facts: Readonly<Record<string, unknown>>, message: string): void => {
      logged.push({ level, message, facts });
    };
  let parts: PluginParts = { hooks: {} };
  let log: PluginLog = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  };
  /** The plugin, which tells what it runs, and shows its parts. */
  const observed: PluginDefinition = {
    ...plugin,
    async setup(host) {
      log = host.log;
      parts = await plugin.setup({
        ...host,
        exec(program, args, execOptions) {
          ran.push([program, ...args]);
          return host.exec(program, args, execOptions);
        },
      });
      return validateAtStart ? parts : { hooks: parts.hooks };
    },
  };
  const callOf = ({ dryRun = false, signal }: CallOptions = {}): HookCall => {
    const limits = [closing.signal, AbortSignal.timeout(callTimeoutMs)];
    return { log, dryRun, signal: AbortSignal.any(signal === undefined ? limits : [...limits, signal]) };
  };
  const remove = async (): Promise<void> => {
    if (options.stateDirectory === undefined) await rm(stateDirectory, { recursive: true, force: true });
  };
  const set = await createPluginSet({
    entries: [
      pluginEntrySchema.parse({
        use: plugin.name,
        ...(options.instance === undefined ? {} : { name: options.instance }),
        config: options.config ?? {},
        timeouts: options.timeouts ?? {},
      }),
    ],
    place: options.place ?? (plugin.places[0] as PluginPlace),
    base: stateDirectory,
    stateDirectory,
    log,
    load: () => Promise.resolve(observed),
  }).catch(async (error: unknown) => {
    await remove();
    throw error;
  });
  return {
    stateDirectory,
    ownDirectory: join(stateDirectory, instance),
    hooks: set.instances[0]?.hooks ?? [],
    logged,
    get warnings() {
      return logged.filter(({ level }) => level === 'warn').map(({ message }) => message);
    },
    ran,
    async run(hook, event, run = {}) {
      const [only] = await set.run(hook, event, { site: (event as { readonly site: string }).site, ...run });
      if (only === undefined) throw new Error(`the plugin ${plugin.name} was not called for ${hook}`);
      return only;
    },
    async call(hook, event, call) {
      const { hooks } = parts;
      const called = hooks[hook] as ((event: unknown, call: HookCall) => unknown) | undefined;
      if (called === undefined) throw new Error(`the plugin ${plugin.name} has no hook ${hook}`);
      return (await called(event, callOf(call))) as HookResult<typeof hook>;
    },
    validate: async () => parts.validate?.(callOf()),
    async close() {
      closing.abort();
      await set.close();
      await remove();
    },
  };
}
