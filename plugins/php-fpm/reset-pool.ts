// Has one pool forget what it compiled and resolved, and sees it through: when this resolves, no request of this pool that begins now
// can be answered with what was cached before.

import { setTimeout as wait } from 'node:timers/promises';
import { PluginError, type SiteOnNode } from 'treecast/plugin';
import { askPool, type PoolQuestion, type PoolState } from './ask-pool.ts';
import { poolName } from './fast-cgi.ts';
import type { Pool } from './php-fpm-config.ts';

const [waitFirstMs, waitMostMs] = [5, 250];
/** A refusal may be a moment's: another reset was just asked for. */
const refusalsMax = 20;

export interface ResetQuestion extends PoolQuestion {
  /** Whether resolved paths matter. */
  readonly realpath: boolean;
}

/** One line for receipts. */
export async function resetPool(pool: Pool, site: SiteOnNode, question: ResetQuestion): Promise<string> {
  const name = poolName(pool.address);
  const scheduled = await schedule(pool, site, question);
  if (scheduled === null) return `${name}: OPcache is off there, nothing to reset`;
  await restarted(pool, scheduled, question);
  return `${name}: OPcache reset`;
}

/** The state in which a reset was accepted; null when there is nothing to reset. */
async function schedule(pool: Pool, site: SiteOnNode, question: ResetQuestion): Promise<PoolState | null> {
  const name = poolName(pool.address);
  let refusals = 0;
  for await (const _ of untilStopped(pool, question)) {
    const state = await askPool(pool, 'reset', question);
    const obstacle = resetObstacle(state, site, question.realpath);
    if (obstacle !== null)
      throw new PluginError(`the PHP-FPM pool at ${name} ${obstacle.what}`, {
        fix: obstacle.fix,
        retryable: false,
      });
    if (!isOn(state)) return null;
    if (state.reset) return state;
    // It takes none while another is pending or under way: that of another site, or its own when it is full.
    if (!state.pending && !state.restarting) refusals += 1;
    if (refusals >= refusalsMax)
      throw new PluginError(
        `OPcache of the PHP-FPM pool at ${name} refused to be reset${state.warning === '' ? '' : `: ${state.warning}`}`,
        { fix: 'Look at the log of PHP-FPM; `reset: reload` reloads it instead.' },
      );
  }
  return null;
}

/**
 * OPcache is reset by the first request that finds no other request running; until then requests run without it and may use resolved
 * paths of before. So ask until it has happened: each question is such a request.
 */
async function restarted(pool: Pool, before: PoolState, question: ResetQuestion): Promise<void> {
  for await (const _ of untilStopped(pool, question)) {
    const now = await askPool(pool, 'look', question);
    // Fewer restarts than before: PHP-FPM itself was restarted meanwhile, and holds nothing.
    if (!now.pending && !now.restarting && now.restarts !== before.restarts) return;
  }
}

/** At once, then again and again with longer pauses; throws when the hook is stopped. */
async function* untilStopped(pool: Pool, { call: { signal } }: ResetQuestion): AsyncGenerator<void> {
  for (let waitMs = waitFirstMs; ; waitMs = Math.min(waitMs * 2, waitMostMs)) {
    yield;
    try {
      await wait(waitMs, undefined, { signal });
    } catch (cause) {
      throw new PluginError(
        `OPcache of the PHP-FPM pool at ${poolName(pool.address)} still waits for running PHP requests to end before it resets`,
        {
          cause,
          fix: 'Bound how long a request may run (request_terminate_timeout), or raise timeouts.afterSwitch.',
        },
      );
    }
  }
}

/** Why a reset of OPcache cannot make the next answer a new one here; null when it can. */
export function resetObstacle(
  state: PoolState,
  { directory }: Pick<SiteOnNode, 'directory'>,
  realpath: boolean,
): { readonly what: string; readonly fix: string } | null {
  if (state.enabled && !state.readable && state.missing.length === 0 && state.restrictedTo !== '')
    return {
      what: `lets only scripts below ${state.restrictedTo} call OPcache’s functions (opcache.restrict_api)`,
      fix: 'Set `scriptDirectory` to a directory that begins so, or use `reset: reload`.',
    };
  if (state.enabled && state.missing.length > 0)
    return {
      what: `has no ${state.missing.join(' and ')} (disable_functions)`,
      fix: 'Take it out of disable_functions, or use `reset: reload`.',
    };
  if (isOn(state) && state.preload.startsWith(`${directory}/`))
    return {
      what: `preloads ${state.preload}, and what is preloaded is kept by a reset`,
      fix: 'Use `reset: reload`, which preloads anew.',
    };
  if (!isOn(state) && realpath && state.remembers)
    return {
      what: 'has OPcache off, and each of its workers remembers where the live link pointed (realpath_cache_size)',
      fix: 'Have the web server pass resolved paths (nginx: $realpath_root) and set `realpath: false`; or set realpath_cache_size = 0 for the pool, or use `reset: reload`.',
    };
  return null;
}

/** Enabled by its settings, and started. */
export function isOn(state: Pick<PoolState, 'enabled' | 'readable'>): boolean {
  return state.enabled && state.readable;
}
