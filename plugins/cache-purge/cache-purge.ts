// Caches forget exactly what changed (X7), once the last origin switched and once more after a fetch could have put an old object back;
// then they are warmed. What a cache owes because it was away is kept here until it is done.

import { access, constants } from 'node:fs/promises';
import {
  type ContentEvent,
  definePlugin,
  type HookAnswer,
  type HookCall,
  PluginError,
  type UrlMap,
} from 'treecast/plugin';
import { createCache } from './caches/create-cache.ts';
import { type CachePurgeConfig, cachePurgeSchema } from './config/cache-config.ts';
import { partialNote, purgeNote, purgeProblem } from './purge-report.ts';
import {
  type CacheState,
  type CacheWithConfig,
  purgeTarget,
  type TargetResult,
  targetLabel,
} from './purge-target.ts';
import { staleWork } from './stale-work.ts';
import { knownObjects } from './state/known-objects.ts';
import { owedWork } from './state/owed-work.ts';
import { openStateDatabase } from './state/state-database.ts';
import { type WarmUpResult, warmUp } from './warm-up.ts';

export const cachePurge = definePlugin({
  name: 'cache-purge',
  summary:
    'caches forget exactly what changed: Varnish, Squid, nginx, Fastly, Cloudflare, any with an HTTP call',
  places: ['ccm', 'gl'],
  configSchema: cachePurgeSchema,
  setup({ config, stateDirectory, onCleanup }) {
    const database = openStateDatabase(stateDirectory);
    onCleanup(() => database.close());
    const state: CacheState = {
      known: knownObjects(database, { rowsMax: config.knownObjectsMax }),
      owed: owedWork(database),
    };
    const caches = config.caches.map((one): CacheWithConfig => ({ config: one, cache: createCache(one) }));
    onCleanup(() => {
      for (const { cache } of caches) cache.close();
    });
    const cachesOf = ({ site }: ContentEvent): CacheWithConfig[] =>
      caches.filter(({ config: { sites } }) => sites === undefined || sites.includes(site));
    return {
      validate: () => checkDirectories(config),
      hooks: {
        invalidate: (event, call) => invalidate(event, call, { config, state, caches: cachesOf(event) }),
        warm: (event, call) => warm(event, call, { config, state, caches: cachesOf(event) }),
      },
    };
  },
});

interface Surroundings {
  readonly config: CachePurgeConfig;
  readonly state: CacheState;
  readonly caches: readonly CacheWithConfig[];
}

async function invalidate(
  event: ContentEvent,
  call: HookCall,
  { config, state, caches }: Surroundings,
): Promise<HookAnswer> {
  if (caches.length === 0) return { note: `no cache holds ${event.site}` };
  const { map, items } = await staleWork(event, config);
  const results: TargetResult[] = [];
  for (const layer of inLayers(caches)) {
    const purging = layer.flatMap((one) =>
      one.cache.targets.map((target) => purgeTarget(one, target, { items, map, event }, { ...state, call })),
    );
    results.push(...(await Promise.all(purging)));
  }
  const problem = purgeProblem(results);
  if (problem?.retryable !== true) state.owed.finished(event.site);
  const boundMs = Math.max(...caches.map(({ config: { fetchBound } }) => fetchBound * 1000));
  const again = event.pass === 1 && boundMs > 0;
  if (problem !== undefined) {
    // What was purged is to be purged again all the same: then the last pass says what was refused.
    if (problem.retryable || !again || results.every(({ settled }) => settled === 0)) throw problem;
    call.log.warn({ site: event.site }, problem.message);
    return { note: partialNote(results, problem), againAfterMs: boundMs };
  }
  const note = purgeNote(items.length, results);
  if (results.some(({ keepsMissing }) => keepsMissing)) call.log.warn({ site: event.site }, note);
  return again && results.some(({ due }) => due > 0) ? { note, againAfterMs: boundMs } : { note };
}

/** Nearest to the origin first. */
function inLayers(caches: readonly CacheWithConfig[]): CacheWithConfig[][] {
  const layers = Map.groupBy(caches, ({ config }) => config.layer);
  return [...layers].sort(([a], [b]) => a - b).map(([, layer]) => layer);
}

async function warm(
  event: ContentEvent,
  { signal }: HookCall,
  { config, state, caches }: Surroundings,
): Promise<HookAnswer> {
  const map = config.urlMap ?? event.urlMap;
  const results = await Promise.all(
    caches.flatMap(({ cache, config: one }) =>
      cache.targets.map(async (target) => {
        const label = targetLabel(cache, target);
        const urls = [
          ...new Set([...listed(one.warm.urls, map), ...state.known.missed(label, event.site, one.warm.top)]),
        ];
        const result = await warmUp(cache, target, urls, { ...one.warm, signal });
        state.known.seen(label, event.site, result.warmed, 'warmed');
        return { label, ...result };
      }),
    ),
  );
  const problem = warmProblem(results);
  if (problem !== undefined) throw problem;
  const warmed = results.reduce((sum, result) => sum + result.warmed.length, 0);
  return { note: `${warmed} URLs warmed` };
}

function listed(urls: readonly string[], map: UrlMap | null): string[] {
  return urls.flatMap((url) =>
    url.startsWith('/') ? (map?.origins ?? []).map((origin) => origin + url) : [url],
  );
}

function warmProblem(
  results: readonly (WarmUpResult & { readonly label: string })[],
): PluginError | undefined {
  const problems = results
    .filter(({ failed }) => failed.length > 0)
    .map(({ label, failed, warmed }) => {
      const all = failed.length + warmed.length;
      return `${label} did not answer for ${failed.length} of ${all} URLs (${failed[0]?.url}: ${failed[0]?.reason})`;
    });
  if (problems.length === 0) return undefined;
  return new PluginError(problems.join('; '), {
    fix: 'Nothing is stale; look at the cache, or correct `warm` in the configuration.',
  });
}

/** Cache files that may not be removed are found at start, not at the first publish. */
async function checkDirectories(config: CachePurgeConfig): Promise<void> {
  for (const cache of config.caches) {
    if (cache.kind !== 'nginx' || cache.mode !== 'files' || cache.cacheDirectory === undefined) continue;
    try {
      await access(cache.cacheDirectory, constants.R_OK | constants.W_OK | constants.X_OK);
    } catch (cause) {
      throw new PluginError(`${cache.name}: ${cache.cacheDirectory} cannot be read and written here`, {
        fix: 'Run Treecast on the cache’s machine with a user that may, or use another `mode`.',
        retryable: false,
        cause,
      });
    }
  }
}
