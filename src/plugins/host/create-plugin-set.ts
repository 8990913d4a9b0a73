// Loads, decodes, sets up and validates the configured plugins. Every problem of every plugin is told in one PLUGIN_INVALID error,
// at start; then what was set up is taken down again.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { nearestWord } from '../../model/nearest-word.ts';
import type { PluginDefinition, PluginParts } from '../api/define-plugin.ts';
import { type HookName, hookNames, hookRow, type PluginPlace } from '../api/hook-table.ts';
import type { Hook, HookEvent, Hooks } from '../api/hooks.ts';
import { PluginError } from '../api/plugin-error.ts';
import type { PluginLog } from '../api/plugin-host.ts';
import { type DecodedEntry, decodeEntries, pluginsInvalid, problemText } from './decode-entries.ts';
import { createExec } from './exec-program.ts';
import { loadPlugin } from './load-plugin.ts';
import { maskedLog } from './masked-log.ts';
import type { PluginEntry } from './plugin-entry.ts';
import { asPlugin, logErrorsOfPlugins } from './plugin-of-error.ts';
import type { HookRun, PluginFacts, PluginSet, RunOptions } from './plugin-set.ts';
import { runHook } from './run-hook.ts';

export interface PluginSetOptions {
  readonly entries: readonly PluginEntry[];
  readonly place: PluginPlace;
  /** What relative paths and packages are looked for from: the directory of the configuration. */
  readonly base: string;
  /** Each instance has a directory below. */
  readonly stateDirectory: string;
  readonly log: PluginLog;
  /** Ends the wait for a plugin that hangs: what was set up is taken down again, and the signal's reason is thrown. */
  readonly signal?: AbortSignal;
  /** For tests and the kit: how definitions are found. */
  readonly load?: (use: string, base: string) => Promise<PluginDefinition>;
}

interface Instance extends PluginFacts {
  readonly parts: PluginParts;
  readonly log: PluginLog;
  readonly timeouts: PluginEntry['timeouts'];
}

const setupTimeoutMs = 60_000;
const cleanUpTimeoutMs = 10_000;

/** Throws PLUGIN_INVALID with every problem. */
export async function createPluginSet(options: PluginSetOptions): Promise<PluginSet> {
  const { place, signal: told, load = loadPlugin } = options;
  const stopping = new AbortController();
  const cleanups: { readonly instance: string; readonly clean: () => void | Promise<void> }[] = [];
  const instances: Instance[] = [];
  const underWay = new Set<Promise<unknown>>();
  logErrorsOfPlugins(options.log);

  async function close(): Promise<void> {
    stopping.abort();
    // Each ends within its grace; nothing is taken away from under a hook that heeds its signal.
    await Promise.all(underWay);
    for (const { instance, clean } of cleanups.splice(0).reverse()) {
      try {
        await within(
          'its clean-up',
          cleanUpTimeoutMs,
          asPlugin(instance, async () => clean()),
        );
      } catch (error) {
        options.log.warn({ plugin: instance, err: error }, 'a plugin’s clean-up failed');
      }
    }
  }

  async function setUp({ name, entry, definition, config }: DecodedEntry): Promise<void> {
    const log = maskedLog(options.log, { plugin: name });
    const stateDirectory = join(options.stateDirectory, name);
    mkdirSync(stateDirectory, { recursive: true, mode: 0o700 });
    const host = { place, instance: name, log, exec: createExec(stopping.signal), stateDirectory };
    const parts = await within(
      'setup',
      setupTimeoutMs,
      asPlugin(name, async () =>
        definition.setup({
          ...host,
          config,
          onCleanup: (clean) => cleanups.push({ instance: name, clean }),
        }),
      ),
      told,
    );
    const hooks = checkedHooks(parts, definition, place);
    const validate = parts.validate?.bind(parts);
    if (validate !== undefined) {
      const signals = [stopping.signal, AbortSignal.timeout(setupTimeoutMs), ...(told ? [told] : [])];
      await within(
        'validate',
        setupTimeoutMs,
        asPlugin(name, async () => validate({ signal: AbortSignal.any(signals), log, dryRun: false })),
        told,
      );
    }
    const { name: plugin, summary } = definition;
    instances.push({
      name,
      plugin,
      summary,
      hooks,
      sites: entry.sites ?? null,
      parts,
      log,
      timeouts: entry.timeouts,
    });
  }

  const { decoded, problems } = await decodeEntries({ ...options, load });
  for (const entry of decoded) {
    try {
      if (told?.aborted !== true) await setUp(entry);
    } catch (error) {
      problems.push(`${entry.name}: ${problemText(error)}`);
    }
  }
  if (told?.aborted === true) await close();
  told?.throwIfAborted();
  if (problems.length > 0) {
    await close();
    throw pluginsInvalid(problems);
  }

  function concerned(hook: HookName, site: string): Instance[] {
    return instances.filter(
      ({ hooks, sites }) => hooks.includes(hook) && (sites === null || sites.includes(site)),
    );
  }

  return {
    instances,
    has: (hook, site) => concerned(hook, site).length > 0,
    async run<H extends HookName>(
      hook: H,
      event: HookEvent<H>,
      run: RunOptions,
    ): Promise<readonly HookRun<H>[]> {
      const { kind, timeoutMs } = hookRow(hook);
      const dryRun = run.dryRun ?? false;
      if (dryRun && !hookRow(hook).dryRun) return [];
      const signal =
        run.signal === undefined ? stopping.signal : AbortSignal.any([stopping.signal, run.signal]);
      const asked = concerned(hook, run.site).filter(
        ({ name }) => run.instance === undefined || name === run.instance,
      );
      const callOne = ({ name, parts, log, timeouts }: Instance): Promise<HookRun<H>> => {
        const seconds = timeouts[hook];
        const target = {
          plugin: name,
          hook,
          call: hookOf(name, parts.hooks[hook] as Hook<H>),
          log,
          timeoutMs: seconds === undefined ? timeoutMs : seconds * 1000,
        };
        const called = runHook(target, event, { signal, dryRun });
        underWay.add(called);
        return called.finally(() => underWay.delete(called));
      };
      if (kind === 'parallel') return Promise.all(asked.map(callOne));
      const runs: HookRun<H>[] = [];
      for (const instance of asked) {
        const one = await callOne(instance);
        runs.push(one);
        if (one.error !== null) break;
      }
      return runs;
    },
    close,
  };
}

function hookOf<H extends HookName>(name: string, hook: Hook<H>): Hook<H> {
  return (event, call) => asPlugin(name, () => hook(event, call));
}

function checkedHooks(parts: PluginParts, { places }: PluginDefinition, place: PluginPlace): HookName[] {
  if (typeof parts !== 'object' || parts === null || typeof parts.hooks !== 'object' || parts.hooks === null)
    throw new PluginError('setup returned no hooks', { fix: 'Return `{ hooks: { … } }` from setup.' });
  const hooks: HookName[] = [];
  for (const [name, hook] of Object.entries(parts.hooks as Hooks & Record<string, unknown>)) {
    if (hook === undefined) continue;
    if (!isHookName(name)) {
      const near = nearestWord(name, hookNames);
      const meant = near === undefined ? '' : `Did you mean ${near}? `;
      throw new PluginError(`there is no hook ${name}`, { fix: `${meant}Hooks: ${hookNames.join(', ')}.` });
    }
    if (typeof hook !== 'function') throw new PluginError(`the hook ${name} is no function`);
    const runsOn = hookRow(name).places;
    if (!runsOn.some((one) => places.includes(one))) {
      throw new PluginError(
        `the hook ${name} would never be called: it runs on ${runsOn.join(' and ')}, and \`places\` of the plugin has ${places.join(' and ')} only`,
        { fix: `Add ${runsOn.join(' or ')} to \`places\`, or take the hook out.` },
      );
    }
    // A plugin for several places returns all its hooks; here only this place's are called.
    if (runsOn.includes(place)) hooks.push(name);
  }
  return hooks;
}

function isHookName(name: string): name is HookName {
  return (hookNames as string[]).includes(name);
}

async function within<T>(what: string, limitMs: number, work: Promise<T>, told?: AbortSignal): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let stop: (() => void) | undefined;
  const limit = new Promise<never>((_, reject) => {
    stop = () => reject(new PluginError(`${what} was stopped`));
    told?.addEventListener('abort', stop, { once: true });
    timer = setTimeout(
      () => reject(new PluginError(`${what} took longer than ${limitMs / 1000} s`)),
      limitMs,
    );
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
    if (stop !== undefined) told?.removeEventListener('abort', stop);
  }
}
