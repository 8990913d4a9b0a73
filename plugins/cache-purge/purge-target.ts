// One target of one cache forgets what is due there: calls, what it was found to hold, read-back, what stays owed.

import { type ContentEvent, type HookCall, PluginError, type UrlMap } from 'treecast/plugin';
import type { CacheConfig } from './config/cache-config.ts';
import { type Cache, everythingItem, missingItem } from './purge-work.ts';
import { readBack } from './read-back.ts';
import { runSteps, type StepsOutcome } from './run-steps.ts';
import { workOf } from './stale-work.ts';
import type { KnownObjects } from './state/known-objects.ts';
import type { OwedWork } from './state/owed-work.ts';

export interface CacheWithConfig {
  readonly cache: Cache;
  readonly config: CacheConfig;
}

export interface CacheState {
  readonly known: KnownObjects;
  readonly owed: OwedWork;
}

export interface TargetResult {
  /** The cache, and which of its machines when it has several. */
  readonly label: string;
  readonly due: number;
  /** Items that it forgot. */
  readonly settled: number;
  readonly calls: number;
  readonly held: number | undefined;
  readonly knownCount: number;
  readonly owed: StepsOutcome['owed'];
  readonly refused: StepsOutcome['refused'];
  readonly stale: readonly { readonly url: string; readonly seen: string }[];
  /** It has no call for what is cached as missing. */
  readonly keepsMissing: boolean;
  readonly impossible: PluginError | null;
}

export function targetLabel(cache: Cache, target: string): string {
  return cache.targets.length === 1 ? cache.name : `${cache.name} at ${target}`;
}

export async function purgeTarget(
  { cache, config }: CacheWithConfig,
  target: string,
  wanted: { readonly items: readonly string[]; readonly map: UrlMap; readonly event: ContentEvent },
  { known, owed, call }: CacheState & { readonly call: HookCall },
): Promise<TargetResult> {
  const { event, map } = wanted;
  const label = targetLabel(cache, target);
  const place = { site: event.site, cache: cache.name, target };
  const callName = `${event.job}/${event.pass}`;
  const { items, refused: before } = owed.due(place, callName, wanted.items);
  const work = workOf(event.site, map, items);
  const nothing = {
    label,
    due: items.length,
    settled: 0,
    calls: 0,
    held: undefined,
    owed: null,
    refused: before,
    stale: [],
  };
  let steps: ReturnType<Cache['steps']>;
  try {
    steps = cache.steps(target, work);
  } catch (error) {
    if (!(error instanceof PluginError)) throw error;
    owed.tried(place, callName, { left: [], refused: [...before, { items, reason: error.message }] });
    return { ...nothing, knownCount: known.count(label), keepsMissing: false, impossible: error };
  }
  const purgedAtMs = Date.now();
  const outcome = await runSteps(steps, {
    concurrency: config.concurrency,
    attempts: config.attempts,
    retryDelayMs: config.retryDelay * 1000,
    signal: call.signal,
  });
  const owedItems = new Set(outcome.owed?.items);
  const settled = [...new Set(outcome.settled)].filter((item) => !owedItems.has(item));
  if (settled.includes(everythingItem)) known.emptied(label, event.site);
  const urls = settled.filter((item) => item !== everythingItem && item !== missingItem);
  known.purged(label, event.site, urls, outcome.held);

  const asked = sample(config, urls, known.heldOf(label, config.readBack === 'sample' ? urls : []));
  const back = await readBack({ cache, config, target }, asked, { event, purgedAtMs, signal: call.signal });
  known.seen(label, event.site, back.fresh, 'read back');
  const refused = [...before, ...outcome.refused];
  owed.tried(place, callName, { left: [...owedItems, ...back.stale.map(({ url }) => url)], refused });
  const covers = steps.some(
    ({ settles }) => settles.includes(missingItem) || settles.includes(everythingItem),
  );
  return {
    ...outcome,
    label,
    due: items.length,
    settled: settled.length,
    refused,
    held: outcome.held?.length,
    knownCount: known.count(label),
    stale: back.stale,
    keepsMissing: work.missing && !covers,
    impossible: null,
  };
}

/** What it was known to hold first: that is where something old can be. */
function sample(config: CacheConfig, urls: readonly string[], held: readonly string[]): readonly string[] {
  if (config.readBack === 'none') return [];
  if (config.readBack === 'all') return urls;
  return [...new Set([...held, ...urls])].slice(0, config.sampleSize);
}
