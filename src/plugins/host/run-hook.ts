// One call of one hook: within its time, its failure told as PLUGIN_FAILED with the plugin's own words, its answer checked, its time taken.

import { TreecastError, toWireError, type WireError } from '../../model/treecast-error.ts';
import { type HookName, hookRow } from '../api/hook-table.ts';
import type { Hook, HookEvent } from '../api/hooks.ts';
import { PluginError } from '../api/plugin-error.ts';
import type { PluginLog } from '../api/plugin-host.ts';
import { maskSecrets } from '../api/secret.ts';
import { checkedAnswer } from './checked-answer.ts';
import type { HookRun } from './plugin-set.ts';

export interface HookTarget<H extends HookName> {
  readonly plugin: string;
  readonly hook: H;
  readonly call: Hook<H>;
  readonly log: PluginLog;
  readonly timeoutMs: number;
}

/** A hook that does not heed its signal is waited for this much longer, then left alone. */
const graceMs = 1_000;
/** Within what messages between node and CCM may carry. */
const messageCharactersMax = 4_000;
const fixCharactersMax = 1_000;

export async function runHook<H extends HookName>(
  target: HookTarget<H>,
  event: HookEvent<H>,
  { signal, dryRun }: { readonly signal: AbortSignal; readonly dryRun: boolean },
): Promise<HookRun<H>> {
  const { plugin, hook, log, timeoutMs } = target;
  const startedAt = performance.now();
  // A timer that keeps the process alive: a hook that waits for nothing would end it otherwise.
  const limiter = new AbortController();
  const timer = setTimeout(() => limiter.abort(), timeoutMs);
  const limit = limiter.signal;
  const ended = AbortSignal.any([limit, signal]);
  const abandoned = abandonment(ended, limit, target);
  const done = (rest: Pick<HookRun<H>, 'answer' | 'error' | 'retryable' | 'switchBack'>): HookRun<H> => {
    const ms = Math.round(performance.now() - startedAt);
    const { error } = rest;
    if (error === null) log.debug({ hook, ms }, 'hook done');
    else log.warn({ hook, ms, code: error.code, onFailure: hookRow(hook).onFailure }, error.message);
    return { plugin, hook, ms, ...rest };
  };
  try {
    if (signal.aborted) throw stopped(hook);
    const called = Promise.resolve().then(() => target.call(event, { signal: ended, log, dryRun }));
    const answer = await Promise.race([called, abandoned.promise]);
    return done({ answer: checkedAnswer(answer, target), error: null, retryable: true, switchBack: false });
  } catch (cause) {
    const isOwn = cause instanceof PluginError || cause instanceof TreecastError;
    // What a plugin's calls throw when their signal ends them is no bug of its own.
    const error = isOwn || !ended.aborted ? cause : endOf(target, limit);
    // A bug of the plugin: whoever wrote it needs to know where.
    if (!isOwn && error === cause && error instanceof Error && error.stack !== undefined)
      log.error({ hook, stack: maskSecrets(error.stack) }, 'a plugin threw something that is no PluginError');
    return done({
      answer: undefined,
      error: failure(error, target),
      retryable: error instanceof PluginError ? error.retryable : true,
      switchBack: error instanceof PluginError && error.switchBack,
    });
  } finally {
    clearTimeout(timer);
    abandoned.forget();
  }
}

/** Rejects when the hook was told to end and did not within the grace. Forgotten, or Node keeps the signal for as long as the host runs. */
function abandonment<H extends HookName>(
  ended: AbortSignal,
  limit: AbortSignal,
  target: HookTarget<H>,
): { readonly promise: Promise<never>; forget(): void } {
  const { promise, reject } = Promise.withResolvers<never>();
  let late: NodeJS.Timeout | undefined;
  const give = (): void => {
    late = setTimeout(() => reject(endOf(target, limit)), graceMs);
  };
  ended.addEventListener('abort', give, { once: true });
  return {
    promise,
    forget() {
      ended.removeEventListener('abort', give);
      clearTimeout(late);
    },
  };
}

function endOf<H extends HookName>({ hook, timeoutMs }: HookTarget<H>, limit: AbortSignal): PluginError {
  if (!limit.aborted) return stopped(hook);
  return new PluginError(`${hook} took longer than ${timeoutMs / 1000} s`, {
    fix: `Look at what it waits for, or raise timeouts.${hook}.`,
  });
}

function stopped(hook: HookName): PluginError {
  return new PluginError(`${hook} was stopped`, { fix: 'Nothing: it is called again when it is due.' });
}

function failure<H extends HookName>(error: unknown, { plugin, hook }: HookTarget<H>): WireError {
  const message = bounded(error instanceof Error ? error.message : String(error), messageCharactersMax);
  const said =
    error instanceof TreecastError
      ? toWireError(error)
      : {
          code: hook === 'probe' ? ('PROBE_FAILED' as const) : ('PLUGIN_FAILED' as const),
          fix:
            error instanceof PluginError
              ? error.fix
              : 'It is a bug of the plugin, for its author: where it happened is in the log of the agent or CCM.',
          data: { plugin, hook },
        };
  const { code, fix, data } = said;
  return {
    code,
    message: error instanceof TreecastError ? message : `${plugin}: ${message}`,
    ...(fix === undefined ? {} : { fix: bounded(fix, fixCharactersMax) }),
    ...(data === undefined ? {} : { data }),
  };
}

function bounded(text: string, charactersMax: number): string {
  return maskSecrets(text).slice(0, charactersMax).toWellFormed();
}
