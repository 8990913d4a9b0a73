// One call of one hook: within its time, its failure told as PLUGIN_FAILED with the plugin's own words, its answer checked, its time taken.

import { TreecastError, toWireError, type WireError } from '../../model/treecast-error.ts';
import { type HookName, hookRow } from '../api/hook-table.ts';
import type { Hook, HookEvent, HookResult } from '../api/hooks.ts';
import { PluginError } from '../api/plugin-error.ts';
import type { PluginLog } from '../api/plugin-host.ts';
import { maskSecrets } from '../api/secret.ts';
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
const messageCharactersMax = 4_000;

export async function runHook<H extends HookName>(
  target: HookTarget<H>,
  event: HookEvent<H>,
  { signal, dryRun }: { readonly signal: AbortSignal; readonly dryRun: boolean },
): Promise<HookRun<H>> {
  const { plugin, hook, log, timeoutMs } = target;
  const startedAt = performance.now();
  const limit = AbortSignal.timeout(timeoutMs);
  const ended = AbortSignal.any([limit, signal]);
  const done = (rest: Pick<HookRun<H>, 'answer' | 'error' | 'retryable' | 'switchBack'>): HookRun<H> => {
    const ms = Math.round(performance.now() - startedAt);
    const { error } = rest;
    if (error === null) log.debug({ hook, ms }, 'hook done');
    else log.warn({ hook, ms, code: error.code, onFailure: hookRow(hook).onFailure }, error.message);
    return { plugin, hook, ms, ...rest };
  };
  try {
    const called = Promise.resolve().then(() => target.call(event, { signal: ended, log, dryRun }));
    const answer = (await Promise.race([called, abandoned(ended, limit, target)])) as
      | HookResult<H>
      | undefined;
    return done({ answer: checkedAnswer(answer, target), error: null, retryable: true, switchBack: false });
  } catch (error) {
    return done({
      answer: undefined,
      error: failure(error, target),
      retryable: error instanceof PluginError ? error.retryable : true,
      switchBack: error instanceof PluginError && error.switchBack,
    });
  }
}

/** Rejects when the hook was told to end and did not within the grace. */
function abandoned<H extends HookName>(
  ended: AbortSignal,
  limit: AbortSignal,
  target: HookTarget<H>,
): Promise<never> {
  return new Promise((_, reject) => {
    const give = (): void => {
      const late = setTimeout(() => {
        const { hook, timeoutMs } = target;
        reject(
          limit.aborted
            ? new PluginError(`${hook} took longer than ${timeoutMs / 1000} s`, {
                fix: `Look at what it waits for, or raise timeouts.${hook}.`,
              })
            : new PluginError(`${hook} was stopped`, { fix: 'Nothing: it is called again when it is due.' }),
        );
      }, graceMs);
      late.unref();
    };
    if (ended.aborted) give();
    else ended.addEventListener('abort', give, { once: true });
  });
}

function checkedAnswer<H extends HookName>(
  answer: unknown,
  { hook }: HookTarget<H>,
): HookResult<H> | undefined {
  if (answer === undefined || answer === null) return undefined;
  const problem =
    typeof answer !== 'object'
      ? `answered ${typeof answer}`
      : 'note' in answer && answer.note !== undefined && typeof answer.note !== 'string'
        ? 'answered a note that is no text'
        : 'againAfterMs' in answer && answer.againAfterMs !== undefined && !isDelay(answer.againAfterMs)
          ? 'answered an againAfterMs that is no time'
          : undefined;
  if (problem === undefined) return answer;
  throw new PluginError(`${hook} ${problem}`, {
    fix: 'Report it to the author of the plugin.',
    retryable: false,
  });
}

function isDelay(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 && value <= 86_400_000;
}

function failure<H extends HookName>(error: unknown, { plugin, hook }: HookTarget<H>): WireError {
  const message = maskSecrets(error instanceof Error ? error.message : String(error)).slice(
    0,
    messageCharactersMax,
  );
  if (error instanceof TreecastError) return { ...toWireError(error), message };
  const fix =
    error instanceof PluginError ? error.fix : 'It is a bug of the plugin: report it to its author.';
  return {
    code: hook === 'probe' ? 'PROBE_FAILED' : 'PLUGIN_FAILED',
    message: `${plugin}: ${message}`,
    ...(fix === undefined ? {} : { fix: maskSecrets(fix) }),
    data: { plugin, hook },
  };
}
